/** What `generate` and `chat` have in common: tokens in, text and its counts out, among the texts of all other calls. */
import { z } from 'zod';
import { streamText } from '../engine/serving/text-stream.ts';
import { type GenerationParameters, generationSettings } from './parameters.ts';
import type { ToolAnswer, ToolCall } from './tool.ts';

/** What a generation came to. */
export interface GenerationOutput {
  readonly text: string;
  readonly finish_reason: 'stop' | 'length' | 'context';
  readonly stop_string?: string | undefined;
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly generated_tokens: number;
  readonly seed: number;
  readonly seconds: number;
}

/** Schema of {@link GenerationOutput}. */
export const generationOutput: z.ZodType<GenerationOutput> = z.object({
  text: z.string().meta({ description: 'What the model wrote.' }),
  finish_reason: z.enum(['stop', 'length', 'context']).meta({
    description:
      'Why it ended: the model was done or a stop text was met (stop), max_tokens were reached (length), or the context is full (context).',
  }),
  stop_string: z.string().optional().meta({ description: 'The stop text that was met.' }),
  prompt_tokens: z.int().min(0),
  cached_tokens: z.int().min(0).meta({ description: 'Prompt tokens that earlier calls had computed.' }),
  generated_tokens: z.int().min(0),
  seed: z.int().meta({ description: 'With it, the same call gives the same text.' }),
  seconds: z.number().min(0).meta({ description: 'From the call to its end, waiting included.' }),
});

/**
 * Goes on from a prompt.
 *
 * @throws ContextLengthExceeded; BitnetError as Scheduler.submit; the signal's reason
 */
export async function generateFrom(
  prompt: readonly number[],
  parameters: GenerationParameters,
  { model, scheduler, signal, progress }: ToolCall,
): Promise<ToolAnswer<GenerationOutput>> {
  const { sampling, maxTokens, stop, seed } = generationSettings(parameters);
  const stream = streamText(scheduler, model.tokenizer, prompt, { ...sampling, maxTokens, stop, signal });
  // The last token of a full context still has one that follows it.
  const total = Math.min(maxTokens, model.contextLength - prompt.length + 1);
  let text = '';
  let generated = 0;
  await progress.tell(0, total, '');
  for await (const event of stream) {
    if (event.kind === 'prompt') continue;
    text += event.text;
    if (event.id !== undefined) generated++;
    await progress.tell(generated, total, text);
  }
  const { end = 'stop', promptTokens, cachedTokens, generatedTokens, seconds } = stream.progress;
  const { stopString } = stream;
  return {
    text,
    structured: {
      text,
      finish_reason: end,
      ...(stopString !== undefined && { stop_string: stopString }),
      prompt_tokens: promptTokens,
      cached_tokens: cachedTokens,
      generated_tokens: generatedTokens,
      seed,
      seconds,
    },
  };
}
