/** Says before a download when the model cannot fit into this machine's memory, and what would help. */
import { BitnetError } from '../../base/errors.ts';
import { canRun } from '../../fit/can-run.ts';
import type { FitAnswer } from '../../fit/fit.ts';
import { modelOfEntry } from '../../fit/fit-model.ts';
import { type MeasuredMachine, measureMachine } from '../../fit/measure-machine.ts';
import { readCatalogue } from '../../hub/catalogue/catalogue.ts';
import type { HubModel } from '../../hub/model-name.ts';
import { printableLine, stylesOf, writeNote } from '../terminal.ts';

/**
 * Checks a model of the catalogue; of others nothing is known before they are here.
 *
 * @param context tokens; undefined for the default
 * @param machine this one when left out
 * @throws BitnetError `memory/too-large`
 */
export async function checkMemory(
  model: HubModel,
  context: number | undefined,
  machine?: MeasuredMachine,
): Promise<void> {
  const { entry, published } = model;
  if (entry === undefined) return;
  const measured = machine ?? (await measureMachine({ threads: [] }));
  const { models } = await readCatalogue();
  const others = models.map((other) => modelOfEntry(other));
  const question = context === undefined ? {} : { contextLength: context };
  const answer = canRun(modelOfEntry(entry, published), { ...measured, others }, question);
  if (answer.verdict === 'no') throw tooLarge(model.label, answer);
  if (answer.verdict === 'tight') {
    const { yellow } = stylesOf(process.stderr);
    await writeNote(yellow(printableLine(`bitnet: ${model.label} only just runs here: ${answer.reason}`)));
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
