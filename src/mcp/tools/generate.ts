/** The tool `generate`: a text that goes on from a prompt. */
import { z } from 'zod';
import { generateFrom, generationOutput } from '../generation.ts';
import { generationFields, textParameter } from '../parameters.ts';
import { defineTool, type Tool } from '../tool.ts';

/** The tool. */
export const generate: Tool = defineTool({
  name: 'generate',
  title: 'Continue a text',
  description:
    'Continues a text with a small 1-bit language model that runs on the CPU of this machine. The prompt is taken as it ' +
    'is, without a chat template: to ask a question or give an instruction, use chat if the model has a template.',
  input: z.strictObject({
    prompt: textParameter('The text to go on from.'),
    ...generationFields,
  }),
  output: generationOutput,
  run: ({ prompt, ...parameters }, call) =>
    generateFrom(call.model.tokenizer.encode(prompt, { addEos: false }), parameters, call),
});
