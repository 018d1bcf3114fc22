/**
 * Chat templates: Jinja programs that come with a model and lay out a conversation as one text. They run in an
 * interpreter (@huggingface/jinja, with the whitespace rules of Hugging Face's own rendering), never in JavaScript's
 * eval, and inside limits (template-guard.ts). Turning the text into tokens is encode-chat.ts.
 */
import { BitnetError } from '../../base/errors.ts';
import { Environment, type Node, parseTemplate } from './jinja.ts';
import { GuardedInterpreter, type TemplateLimits } from './template-guard.ts';
import { outlineOf, type TemplateOutline } from './template-outline.ts';

/** One message of a conversation. Fields besides role and content (tool calls, names) go to the template as they are. */
export interface ChatMessage {
  readonly role: string;
  readonly content: unknown;
  readonly [field: string]: unknown;
}

/** What a template may use besides the messages. */
export interface RenderOptions {
  /** End with the header of the assistant's turn, so that the model answers; default true. */
  readonly addGenerationPrompt?: boolean;
  /** Descriptions of tools, in the form that the model's template expects. */
  readonly tools?: readonly unknown[];
  /** Further variables of the template, by name. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** A template that is ready to use. */
export interface ChatTemplate {
  /** The Jinja source. */
  readonly source: string;
  /**
   * The text of a conversation.
   *
   * @throws BitnetError `template/raised` when the template refuses the conversation (the message is its own),
   *   `template/too-much-work` when it exceeds a limit, `template/failed` when it is faulty
   */
  render(messages: readonly ChatMessage[], options?: RenderOptions): string;
}

/** Texts of the special tokens, which some templates write themselves. */
export interface TemplateTokens {
  readonly bosToken?: string;
  readonly eosToken?: string;
}

/** Longest template; the longest ones in use have about 30,000 characters. */
const MAX_SOURCE_UNITS = 1 << 17;
/** The library's preprocessing takes time quadratic in the length of a run of whitespace. */
const MAX_WHITESPACE_RUN = 1024;
/** Every rendering may do this much, and a multiple of what the conversation is long. */
const BASE_WORK = 2_000_000;
const WORK_PER_UNIT = 32;
const BASE_TEXT_UNITS = 1 << 21;
const TEXT_PER_UNIT = 8;
const MAX_RANGE = 100_000;
const MAX_DATE_FORMAT_UNITS = 200;

const RESERVED: ReadonlySet<string> = new Set([
  'messages',
  'tools',
  'documents',
  'add_generation_prompt',
  'bos_token',
  'eos_token',
]);

/**
 * A template from its source.
 *
 * @throws BitnetError `template/too-long` or `template/syntax`
 */
export function createChatTemplate(source: string, tokens: TemplateTokens = {}): ChatTemplate {
  checkSource(source);
  const { program, outline } = parse(source);
  return {
    source,
    render: (messages, options = {}) => render(program, outline, messages, options, tokens),
  };
}

function checkSource(source: string): void {
  if (source.length > MAX_SOURCE_UNITS) {
    throw new BitnetError(
      'template/too-long',
      `the model's chat template has ${source.length} characters; at most ${MAX_SOURCE_UNITS} are supported`,
    );
  }
  let run = 0;
  for (let i = 0; i < source.length; i++) {
    run = source.charAt(i).trim() === '' ? run + 1 : 0;
    if (run > MAX_WHITESPACE_RUN) {
      throw new BitnetError(
        'template/too-long',
        `the model's chat template has more than ${MAX_WHITESPACE_RUN} blanks in a row at character ${i}`,
      );
    }
  }
}

function parse(source: string): { program: Node; outline: TemplateOutline } {
  try {
    const program = parseTemplate(source);
    return { program, outline: outlineOf(program) };
  } catch (cause) {
    if (cause instanceof BitnetError) throw cause;
    throw new BitnetError(
      'template/syntax',
      `the model's chat template is not valid Jinja: ${reason(cause)}`,
      {
        cause,
      },
    );
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message.slice(0, 500) : String(cause);
}

function render(
  program: Node,
  outline: TemplateOutline,
  messages: readonly ChatMessage[],
  options: RenderOptions,
  tokens: TemplateTokens,
): string {
  const { tools, extra = {} } = options;
  for (const name of Object.keys(extra)) {
    if (RESERVED.has(name)) {
      throw new BitnetError(
        'template/bad-variable',
        `the template variable ${name} is set by the messages themselves`,
      );
    }
  }
  try {
    const size = textUnits([messages, tools, extra]);
    const environment = new Environment();
    const interpreter = new GuardedInterpreter(environment, limitsFor(size), outline);
    setGlobals(environment, (units) => interpreter.charge(units));
    environment.set('messages', messages);
    // Hugging Face sets these to None when they are not given, and templates rely on it.
    environment.set('tools', tools ?? null);
    environment.set('documents', null);
    environment.set('add_generation_prompt', options.addGenerationPrompt ?? true);
    environment.set('bos_token', tokens.bosToken ?? '');
    environment.set('eos_token', tokens.eosToken ?? '');
    for (const [name, value] of Object.entries(extra)) {
      environment.variables.delete(name);
      environment.set(name, value);
    }
    return String(interpreter.run(program).value);
  } catch (cause) {
    if (cause instanceof BitnetError) throw cause;
    throw new BitnetError('template/failed', `the model's chat template failed: ${reason(cause)}`, { cause });
  }
}

function limitsFor(size: number): TemplateLimits {
  return { work: BASE_WORK + WORK_PER_UNIT * size, textUnits: BASE_TEXT_UNITS + TEXT_PER_UNIT * size };
}

/** UTF-16 units of all texts in a value, and one per part. */
function textUnits(value: unknown): number {
  if (typeof value === 'string') return value.length + 1;
  if (typeof value !== 'object' || value === null) return 1;
  let units = 1;
  for (const [key, item] of Object.entries(value)) units += key.length + textUnits(item);
  return units;
}

/** What every template can use; the library sets these only in its own, unguarded rendering. */
function setGlobals(environment: Environment, charge: (units: number) => void): void {
  for (const [name, value] of Object.entries({ true: true, false: false, none: null })) {
    environment.set(name, value);
    environment.set(name.charAt(0).toUpperCase() + name.slice(1), value);
  }
  environment.set('raise_exception', (message: unknown) => {
    throw new BitnetError(
      'template/raised',
      `the model's chat template refuses the conversation: ${String(message)}`,
    );
  });
  environment.set('range', (...args: unknown[]) => range(args, charge));
  environment.set('strftime_now', (format: unknown) => formatDate(new Date(), format));
}

/** Python's `range`. */
function range(args: readonly unknown[], charge: (units: number) => void): number[] {
  const given = args.filter((arg) => typeof arg === 'number' && Number.isSafeInteger(arg)) as number[];
  const [start, stop, step] = given.length === 1 ? [0, given[0]!, 1] : [given[0]!, given[1]!, given[2] ?? 1];
  if (given.length !== args.length || given.length === 0 || given.length > 3 || step === 0) {
    throw new BitnetError('template/failed', "the model's chat template calls range() without whole numbers");
  }
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (count > MAX_RANGE) {
    throw new BitnetError(
      'template/too-much-work',
      `the model's chat template asks for a range of ${count} numbers; at most ${MAX_RANGE} are supported`,
    );
  }
  charge(2 * count);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** The part of C's `strftime` that templates use to write today's date, in English. */
function formatDate(date: Date, format: unknown): string {
  if (typeof format !== 'string' || format.length > MAX_DATE_FORMAT_UNITS) {
    throw new BitnetError(
      'template/failed',
      "the model's chat template calls strftime_now() without a short format",
    );
  }
  const month = MONTHS[date.getMonth()]!;
  const two = (value: number): string => String(value).padStart(2, '0');
  const fields = new Map([
    ['%Y', String(date.getFullYear())],
    ['%m', two(date.getMonth() + 1)],
    ['%d', two(date.getDate())],
    ['%B', month],
    ['%b', month.slice(0, 3)],
    ['%H', two(date.getHours())],
    ['%M', two(date.getMinutes())],
    ['%S', two(date.getSeconds())],
    ['%%', '%'],
  ]);
  return format.replace(/%./g, (field) => fields.get(field) ?? field);
}
