/** One conversion from the command line: checks of the place, the plan, the writing with progress, and the comparison. */
import { realpath, statfs } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { BitnetError } from '../../base/errors.ts';
import { type Conversion, planConversion } from '../../convert/convert.ts';
import type { ConvertOptions } from '../../convert/convert-options.ts';
import type { PlannedFile } from '../../convert/output/planned-file.ts';
import { type Verification, verifyConversion } from '../../convert/verify.ts';
import { withHeaders } from '../inspect/headers.ts';
import { locateModel, nameOf } from '../models/locate-model.ts';
import { checkFilePlace, writeOutputFile } from '../output-file.ts';
import { StageProgress } from '../progress.ts';
import { formatBytes } from '../quantities.ts';
import { checkFolderPlace, writeOutputFolder } from './output-folder.ts';

/** What to do. */
export interface ConvertRequest {
  /** Path, URL or name; a model of the hub is downloaded first. */
  readonly source: string;
  readonly out: string;
  readonly options: Omit<ConvertOptions, 'onMeasure' | 'signal'>;
  readonly replaces: boolean;
  readonly verifies: boolean;
  readonly offline: boolean;
  readonly signal: AbortSignal;
}

/** What was done. */
export interface ConvertResult {
  readonly projections: string;
  readonly files: readonly string[];
  readonly bytes: number;
  readonly notes: readonly string[];
  readonly losses: readonly string[];
  /** Whether nothing was lost and sums are rounded otherwise all the same. */
  readonly isReordered: boolean;
  readonly verification: Verification | undefined;
}

/** Left free beside what is written: headers, and room for others. */
const SPARE_BYTES = 64e6;

/**
 * Converts.
 *
 * @throws BitnetError `convert/…`, `output/…`, or as reading the source; the signal's reason
 */
export async function convertModel(request: ConvertRequest): Promise<ConvertResult> {
  const { out, options, replaces, signal, offline } = request;
  const named = await nameOf(request.source);
  if (typeof named === 'string') await checkApart(named, out);
  const isFile = options.target.format === 'gguf';
  await (isFile ? checkFilePlace(out, replaces) : checkFolderPlace(out, replaces));
  const source = await locateModel(request.source, { signal, offline, isLoaded: request.verifies });
  const stages = new StageProgress({
    measuring: 'reading',
    writing: 'writing',
    verifying: 'comparing with the source',
  });
  try {
    const { conversion, bytes } = await withHeaders(source, { signal }, async (model) => {
      const plan = await planConversion(model, {
        ...options,
        signal,
        onMeasure: (share) => stages.update('measuring', share),
      });
      await checkSpace(out, plan.files);
      return {
        conversion: plan,
        bytes: await writeAll(plan, request, (share) => stages.update('writing', share)),
      };
    });
    const tolerance = conversion.losses.tolerance;
    const verification = request.verifies
      ? await verifyConversion(source, out, {
          tolerance,
          signal,
          onProgress: (share) => stages.update('verifying', share),
        })
      : undefined;
    return {
      projections: conversion.projections,
      files: conversion.files.map(({ name }) => name),
      bytes,
      notes: conversion.notes,
      losses: conversion.losses.sentences,
      isReordered: conversion.losses.isReordered,
      verification,
    };
  } finally {
    stages.finish();
  }
}

async function writeAll(
  { files }: Conversion,
  { out, replaces, signal }: ConvertRequest,
  onShare: (share: number) => void,
): Promise<number> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const watched = files.map(
    (file): PlannedFile => ({
      ...file,
      write: (sink) =>
        file.write((bytes) => {
          signal.throwIfAborted();
          done += bytes.byteLength;
          onShare(Math.min(1, done / total));
          return sink(bytes);
        }),
    }),
  );
  const [first] = watched;
  if (first?.name === '') await writeOutputFile(out, replaces, first.write);
  else await writeOutputFolder(out, replaces, watched);
  return done;
}

/**
 * Throws where writing the result would destroy the source.
 *
 * @throws BitnetError `convert/same-file`
 */
async function checkApart(source: string, out: string): Promise<void> {
  const from = await realpath(source).catch(() => undefined);
  const to = await realpath(out).catch(() => resolve(out));
  // A name or a URL.
  if (from === undefined) return;
  if (from === to) {
    throw new BitnetError(
      'convert/same-file',
      `${out} is the model itself; write the result to another place`,
    );
  }
  if (!from.startsWith(to + sep)) return;
  throw new BitnetError(
    'convert/same-file',
    `${out} is the folder that the model lies in; write the result to a place of its own`,
  );
}

async function checkSpace(out: string, files: readonly PlannedFile[]): Promise<void> {
  const needed = files.reduce((sum, { bytes }) => sum + bytes, 0) + SPARE_BYTES;
  const disk = await statfs(dirname(resolve(out))).catch(() => undefined);
  // Where the system does not tell, writing will.
  if (disk === undefined) return;
  const free = disk.bavail * disk.bsize;
  if (free >= needed) return;
  throw new BitnetError(
    'output/no-space',
    `${out} takes ${formatBytes(needed)}, and its disk has ${formatBytes(free)} left; make room or choose another disk`,
    { details: { needed, free } },
  );
}
