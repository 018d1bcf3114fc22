/** The tool `score`: how likely the model finds a text, token by token, and so how surprising it is to it. */
import { z } from 'zod';
import type { TokenScore } from '../../engine/serving/sequence.ts';
import { BitnetError, type Tokenizer } from '../../index.ts';
import { tokenDisplay } from '../../tokenizer/tokenizer.ts';
import { textParameter } from '../parameters.ts';
import { defineTool, type Tool, type ToolCall } from '../tool.ts';

/** The tool. */
export const score: Tool = defineTool({
  name: 'score',
  title: 'Score a text',
  description:
    'How likely the model finds a text: the natural log-probability of every token given those before it, their sum, and ' +
    'the perplexity. With a context, only what follows it is scored: to compare answers to a question, score each with the ' +
    'question as context, and take the one with the largest log_probability.',
  input: z.strictObject({
    text: textParameter('The text to score.').min(1),
    context: textParameter(
      'Text that comes before it and is not scored. A blank between the two belongs to the text: " Paris".',
    ).optional(),
  }),
  output: z.object({
    log_probability: z.number().meta({ description: 'Sum over the scored tokens; natural logarithm.' }),
    perplexity: z.number().meta({ description: 'e to the mean negative log-probability; 1 is no surprise.' }),
    bits_per_byte: z.number().meta({ description: 'Comparable between models with different tokens.' }),
    scored_tokens: z.int().min(1),
    tokens: z
      .array(z.object({ id: z.int().min(0), piece: z.string(), logprob: z.number() }))
      .meta({ description: 'The scored tokens: what each stands for, and its log-probability.' }),
  }),
  run: async ({ text, context = '' }, call) => {
    const { tokenizer } = call.model;
    const prefix = tokenizer.addsBos && tokenizer.bosId !== undefined ? [tokenizer.bosId] : [];
    const tokens = [...prefix, ...call.model.tokenize(context + text)];
    // Without a token before it, the first one has no probability.
    const first = Math.max(1, tokens.length - tokensOfEnd(tokenizer, tokens.slice(prefix.length), text));
    if (tokens.length <= first) throw tooShort();
    const scored = (await promptScores(tokens, call)).slice(first - 1);
    const sum = scored.reduce((total, { logprob }) => total + logprob, 0);
    const bytes = scored.reduce((total, { id }) => total + tokenizer.tokenBytes(id).length, 0);
    return {
      structured: {
        log_probability: sum,
        perplexity: Math.exp(-sum / scored.length),
        bits_per_byte: -sum / Math.LN2 / bytes,
        scored_tokens: scored.length,
        tokens: scored.map(({ id, logprob }) => ({ id, piece: tokenDisplay(tokenizer, id), logprob })),
      },
    };
  },
});

/** How many of the last tokens the last `text` of a text takes; one that begins before it counts. */
function tokensOfEnd(tokenizer: Tokenizer, tokens: readonly number[], text: string): number {
  const wanted = new TextEncoder().encode(text).length;
  let count = 0;
  for (let bytes = 0; bytes < wanted && count < tokens.length; count++) {
    bytes += tokenizer.tokenBytes(tokens[tokens.length - 1 - count]!).length;
  }
  return count;
}

/** Scores of all tokens but the first. */
async function promptScores(
  tokens: readonly number[],
  { scheduler, signal }: ToolCall,
): Promise<readonly TokenScore[]> {
  for await (const event of scheduler.submit(tokens, { maxTokens: 0, promptLogprobs: 0, signal })) {
    if (event.kind === 'prompt') return event.scores;
  }
  throw tooShort();
}

function tooShort(): BitnetError {
  return new BitnetError(
    'tokens/empty',
    'text is a single token, and this model predicts only those that follow another one; give a longer text or a context',
  );
}
