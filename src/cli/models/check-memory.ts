/** Says before a download when a model cannot be run here, above all for want of memory, and what would help. */
import { BitnetError } from '../../base/errors.ts';
import { canRun } from '../../fit/can-run.ts';
import type { FitAnswer, FitModel } from '../../fit/fit.ts';
import { modelOfEntry, modelOfFile } from '../../fit/fit-model.ts';
import { type MeasuredMachine, measureMachine } from '../../fit/measure-machine.ts';
import { readCatalogue } from '../../hub/catalogue/catalogue.ts';
import type { Hub } from '../../hub/hub.ts';
import type { HubModel } from '../../hub/model-name.ts';
import { openModel } from '../../model/open.ts';
import { printableLine, stylesOf, writeNote } from '../terminal.ts';

/** Below this a model is here before much could be said of it. */
const LEAST_LOOKED_AT = 64 * 2 ** 20;

/**
 * Refuses a model of the hub that could not be run, before it is downloaded: by what the catalogue knows of it, else by
 * its headers.
 *
 * @param context tokens of it that there must be memory for; undefined for the default
 * @throws BitnetError `memory/too-large`; as openModel and takeInventory for a model that the catalogue lacks
 */
export async function checkBeforePull(
  hub: Hub,
  model: HubModel,
  context: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { entry, published, label } = model;
  if (entry !== undefined) return checkMemory(modelOfEntry(entry, published), label, context);
  const remote = await hub.look(model, signal === undefined ? {} : { signal });
  if (remote.bytes < LEAST_LOOKED_AT) return;
  const source = await remote.open();
  const opened = await openModel(source, signal);
  try {
    await checkMemory(modelOfFile(opened, label), label, context);
  } finally {
    await opened.close();
  }
}

/**
 * Checks that a model fits, and says so where it only just does.
 *
 * @param label as the user wrote it
 * @param machine this one when left out
 * @throws BitnetError `memory/too-large`
 */
export async function checkMemory(
  model: FitModel,
  label: string,
  context: number | undefined,
  machine?: MeasuredMachine,
): Promise<void> {
  const measured = machine ?? (await measureMachine({ threads: [] }));
  const { models } = await readCatalogue();
  const others = models.map((other) => modelOfEntry(other));
  const question = context === undefined ? {} : { contextLength: context };
  const answer = canRun(model, { ...measured, others }, question);
  if (answer.verdict === 'no') throw tooLarge(label, answer);
  if (answer.verdict === 'tight') {
    const { yellow } = stylesOf(process.stderr);
    await writeNote(yellow(printableLine(`bitnet: ${label} only just runs here: ${answer.reason}`)));
  }
}

function tooLarge(label: string, { reason, advice }: FitAnswer): BitnetError {
  const [first] = advice;
  const help = first === undefined ? '`bitnet can-run` lists what fits' : first.sentence.replace(/\.$/, '');
  return new BitnetError(
    'memory/too-large',
    `${label} does not fit, so it is not downloaded: ${reason}; ${help}`,
  );
}
