/** The tools `tokenize` and `detokenize`: a text as the model's tokens, and tokens as text. */
import { z } from 'zod';
import { tokenDisplay } from '../../tokenizer/tokenizer.ts';
import { parameterList, textParameter } from '../parameters.ts';
import { defineTool, type Tool } from '../tool.ts';

/** Answers are as long as several of these, and clients take 10 MB. */
const MOST_CHARACTERS = 50_000;
const MOST_TOKENS = 100_000;

/** A text as tokens. */
export const tokenize: Tool = defineTool({
  name: 'tokenize',
  title: 'Show the tokens of a text',
  description:
    'Divides a text into the tokens of the model: their ids, and what each stands for. Also tells how much of the context a text takes.',
  input: z.strictObject({
    text: textParameter('The text.', MOST_CHARACTERS),
    add_bos: z.boolean().optional().meta({
      description: "Put the model's beginning-of-text token first, as generate does.",
      default: false,
    }),
    parse_special: z.boolean().optional().meta({
      description: 'Read the text of control tokens, such as <|eot_id|>, as those tokens.',
      default: false,
    }),
  }),
  output: z.object({
    count: z.int().min(0).meta({ description: 'How many tokens there are.' }),
    ids: z.array(z.int().min(0)),
    pieces: z.array(z.string()).meta({
      description: 'What each token stands for; bytes that are no whole character are written as \\xe2.',
    }),
  }),
  run: ({ text, add_bos: addBos = false, parse_special: parseSpecial = false }, { model }) => {
    const ids = model.tokenize(text, { addBos, parseSpecial });
    const pieces = ids.map((id) => tokenDisplay(model.tokenizer, id));
    return { structured: { count: ids.length, ids, pieces } };
  },
});

/** Tokens as a text. */
export const detokenize: Tool = defineTool({
  name: 'detokenize',
  title: 'Show the text of tokens',
  description: 'The text that ids of tokens stand for: the opposite of tokenize.',
  input: z.strictObject({
    ids: parameterList(z.int().min(0), { least: 1, most: MOST_TOKENS }).meta({
      description: 'Ids of tokens, as tokenize tells them.',
    }),
  }),
  output: z.object({
    text: z.string().meta({ description: 'The text; bytes that are not UTF-8 become U+FFFD.' }),
  }),
  run: ({ ids }, { model }) => {
    const text = model.detokenize(ids);
    return { text, structured: { text } };
  },
});
