/**
 * Which tokens end a generation. Files often name one end token although the model ends its turns with another one
 * (BitNet 2B4T: `<|end_of_text|>` is named, `<|eot_id|>` is spoken), so control tokens with the well-known names of
 * turn ends are added, and each addition is reported.
 */
import { TOKEN_TYPE, type Vocabulary } from './vocabulary.ts';

/** Names under which models end a turn or a text. */
const END_NAMES = [
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|eom_id|>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<end_of_turn>',
] as const;

/**
 * The tokens that end a generation: those that the file names, and control tokens with the name of a turn end.
 *
 * @param named ids from the file, all inside the vocabulary
 * @returns the ids, and one sentence per id that the file does not name
 */
export function findStopIds(
  vocabulary: Vocabulary,
  named: Iterable<number>,
): { stopIds: ReadonlySet<number>; corrections: string[] } {
  const stopIds = new Set(named);
  const namedTexts = [...stopIds].map((id) => `${vocabulary.textOf(id)} (${id})`).join(', ') || 'none';
  const corrections: string[] = [];
  for (const name of END_NAMES) {
    const id = vocabulary.idOf(name);
    if (id === undefined || stopIds.has(id) || vocabulary.types[id] !== TOKEN_TYPE.control) continue;
    stopIds.add(id);
    corrections.push(
      `Generation also stops at ${name} (${id}): the vocabulary has this control token and the file names only ${namedTexts}.`,
    );
  }
  return { stopIds, corrections };
}
