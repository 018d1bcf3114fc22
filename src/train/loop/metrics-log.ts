/**
 * `metrics.jsonl` of a run: a line is added for everything that is reported. A run that goes on from a checkpoint takes
 * back the lines of the steps that will be made again, so that the file tells of each step once.
 */
import { type ByteSource, readBytes } from '../../base/byte-source.ts';
import { isJsonObject } from '../../formats/json.ts';
import { readBlocks, readLines } from '../../formats/lines.ts';
import type { RunFolder } from '../run-folder.ts';
import type { Metrics } from './metrics.ts';

/** Its name in the run folder. */
export const METRICS_FILE = 'metrics.jsonl';

const PIECE_BYTES = 1 << 20;
/** Bytes of a line that a run would write, at most: thousands of matrices with their histograms. */
const LONGEST_LINE = 1 << 24;

/** Adds a line. */
export async function logMetrics(folder: RunFolder, metrics: Metrics): Promise<void> {
  await folder.append(METRICS_FILE, `${JSON.stringify(metrics)}\n`);
}

/**
 * Cuts the file off before its first line that tells of a later step than `step`, or that was not written to its end
 * when a run was killed.
 */
export async function dropLaterMetrics(folder: RunFolder, step: number): Promise<void> {
  const source = await folder.open(METRICS_FILE);
  if (source === undefined) return;
  try {
    const keep = await keptBytes(source, step);
    if (keep === source.size) return;
    await folder.write(METRICS_FILE, async (sink) => {
      for (let at = 0; at < keep; at += PIECE_BYTES) {
        await sink(await readBytes(source, at, Math.min(PIECE_BYTES, keep - at)));
      }
    });
  } finally {
    await source.close();
  }
}

/** Bytes of the lines that stay. */
async function keptBytes(source: ByteSource, step: number): Promise<number> {
  let kept = 0;
  for await (const { bytes, isEnded } of readLines(readBlocks(source), LONGEST_LINE)) {
    if (!isEnded || !isUpTo(bytes, step)) break;
    kept += bytes.length + 1;
  }
  return kept;
}

function isUpTo(line: Uint8Array, step: number): boolean {
  try {
    const metrics: unknown = JSON.parse(new TextDecoder().decode(line));
    return isJsonObject(metrics) && typeof metrics.step === 'number' && metrics.step <= step;
  } catch {
    return false;
  }
}
