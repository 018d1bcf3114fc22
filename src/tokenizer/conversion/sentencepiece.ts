/**
 * SentencePiece's byte pair encoding between its two written forms: GGUF has a score per token, tokenizer.json a list of
 * merges. Scores imply merges (spm.ts); merges imply scores when all that make one token stand together, as in every
 * tokenizer.json that was made from a SentencePiece model.
 */
import type { GgufEntry } from '../../formats/gguf/write.ts';
import { forEachMerge, type HuggingFaceTokenizerParts } from '../from-huggingface.ts';
import { mergeablePairs } from '../spm.ts';
import { TOKEN_TYPE, type Vocabulary } from '../vocabulary.ts';

/** The merges that scores imply, "left right", those of the highest score first. */
export function mergesOfScores(vocabulary: Vocabulary, scores: ArrayLike<number>): string[] {
  const pairs = mergeablePairs(vocabulary, scores);
  const order = Array.from({ length: pairs.length / 3 }, (_, i) => 3 * i);
  order.sort((a, b) => scores[pairs[b + 2]!]! - scores[pairs[a + 2]!]! || a - b);
  return order.map((at) => `${vocabulary.textOf(pairs[at]!)} ${vocabulary.textOf(pairs[at + 1]!)}`);
}

/**
 * The entries of GGUF's model `llama` that stand in the place of merges.
 *
 * @param tokens texts by id
 */
export function sentencePieceEntries(
  { vocabulary, model, pipeline }: HuggingFaceTokenizerParts,
  tokens: readonly string[],
): GgufEntry[] {
  const addsSpace = pipeline.kind === 'sentencepiece' && pipeline.spacePrefix.where !== 'never';
  const scores = new Float32Array(vocabulary.size);
  let rank = 0;
  let last = -1;
  forEachMerge(model.list('merges') ?? [], (left, right) => {
    const result = vocabulary.idOf(left + right) ?? -1;
    if (result === last || result === -1) return;
    last = result;
    rank++;
    // The first merge that makes a token says when it is made.
    if (scores[result] === 0) scores[result] = -rank;
  });
  // Tokens that no merge makes come last, as the characters of a SentencePiece model do.
  for (let id = 0; id < scores.length; id++) {
    if (scores[id] === 0 && vocabulary.types[id] === TOKEN_TYPE.normal) scores[id] = -++rank;
  }
  return [
    { key: 'tokenizer.ggml.model', type: 'string', value: 'llama' },
    { key: 'tokenizer.ggml.tokens', type: 'string[]', value: tokens },
    { key: 'tokenizer.ggml.scores', type: 'f32[]', value: scores },
    { key: 'tokenizer.ggml.add_space_prefix', type: 'bool', value: addsSpace },
  ];
}
