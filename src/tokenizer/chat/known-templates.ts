/**
 * Which chat template a model gets: the one in its file, but for models whose published files are known to carry a wrong
 * one or none. A base model without a template gets none: nothing here guesses from the architecture alone.
 */
import type { Tokenizer } from '../tokenizer.ts';

/** The template that microsoft/bitnet-b1.58-2B-4T publishes in its tokenizer_config.json. */
export const BITNET_2B4T_TEMPLATE: string =
  "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = message['role'] | capitalize + " +
  "': '+ message['content'] | trim + '<|eot_id|>' %}{{ content }}{% endfor %}{% if add_generation_prompt %}" +
  "{{ 'Assistant: ' }}{% endif %}";

/** The layout of the instruction-tuned Falcon3 and Falcon-E models. */
export const FALCON3_TEMPLATE: string =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}";

const BITNET_2B4T_ARCHITECTURES: ReadonlySet<string> = new Set(['bitnet-b1.58', 'bitnet-25', 'bitnet']);
/** In the template of the official GGUF file, with which the model never ends its turn. */
const WRONG_2B4T_MARK = 'BITNETAssistant';
const FALCON_PRE_TOKENIZERS: ReadonlySet<string> = new Set(['falcon3', 'falcon_e']);
const FALCON_NAME = /falcon-?(?:3|e\b)/i;

/** What is known about a model when its template is chosen. */
export interface TemplateFacts {
  /** The template in the model's file. */
  readonly embedded?: string;
  /** `general.architecture`, or `model_type` of a Hugging Face model. */
  readonly architecture: string;
  /** `general.name` or the name of the repository. */
  readonly modelName?: string;
  /** `tokenizer.ggml.pre`. */
  readonly pre?: string;
  readonly tokenizer: Pick<Tokenizer, 'idOf'>;
}

/** A template, when the model has one, and a sentence for each deviation from the file. */
export interface TemplateChoice {
  readonly source?: string;
  readonly corrections: readonly string[];
}

/** The chat template of a model; none for a base model. */
export function chooseTemplate(facts: TemplateFacts): TemplateChoice {
  const { embedded, architecture, tokenizer } = facts;
  const isEmpty = embedded === undefined || embedded.trim() === '';
  const is2B4T = BITNET_2B4T_ARCHITECTURES.has(architecture) && tokenizer.idOf('<|eot_id|>') !== undefined;
  if (is2B4T && (isEmpty || embedded.includes(WRONG_2B4T_MARK))) {
    const why = isEmpty
      ? 'The file has no chat template'
      : "The file's chat template is one with which the model never ends its turn";
    return {
      source: BITNET_2B4T_TEMPLATE,
      corrections: [`${why}; the one published with BitNet b1.58 2B4T is used.`],
    };
  }
  if (!isEmpty) return { source: embedded, corrections: [] };
  if (isInstructFalcon(facts)) {
    return {
      source: FALCON3_TEMPLATE,
      corrections: ['The file has no chat template; the layout of the Falcon3 instruction models is used.'],
    };
  }
  return { corrections: [] };
}

/** The name tells instruction-tuned models from base models, which have the same vocabulary. */
function isInstructFalcon({ modelName = '', pre = '' }: TemplateFacts): boolean {
  return (FALCON_PRE_TOKENIZERS.has(pre) || FALCON_NAME.test(modelName)) && /instruct/i.test(modelName);
}

/**
 * The template in a tokenizer_config.json: a text, or of several named ones the `default`.
 *
 * @param tokenizerConfig the parsed file
 */
export function templateOfTokenizerConfig(tokenizerConfig: unknown): string | undefined {
  if (typeof tokenizerConfig !== 'object' || tokenizerConfig === null) return undefined;
  const template: unknown = 'chat_template' in tokenizerConfig ? tokenizerConfig.chat_template : undefined;
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return undefined;
  const named = template.find((item: unknown) => isNamedTemplate(item) && item.name === 'default');
  return isNamedTemplate(named) ? named.template : undefined;
}

function isNamedTemplate(item: unknown): item is { name: string; template: string } {
  return (
    typeof item === 'object' &&
    item !== null &&
    'name' in item &&
    'template' in item &&
    typeof item.template === 'string'
  );
}
