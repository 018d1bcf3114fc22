/**
 * A conversation as token ids. The template's own special tokens (`<|eot_id|>`) become tokens; the same characters inside
 * a message stay ordinary text, so that nobody can end a turn or forge another one by typing it.
 *
 * How: a mark is put before each place in a message where a special token could begin or continue. The template is
 * rendered with the marks, they are taken out again, and no special token may contain a marked character. A conversation
 * without such places is encoded exactly as the rendered text is.
 */
import { BitnetError } from '../../base/errors.ts';
import type { Tokenizer } from '../tokenizer.ts';
import type { ChatMessage, ChatTemplate, RenderOptions } from './chat-template.ts';

/** Roles are written by templates next to brackets (`<|role|>`), so they cannot be free text. */
const ROLES: ReadonlySet<string> = new Set([
  'system',
  'developer',
  'user',
  'assistant',
  'tool',
  'function',
  'ipython',
]);
/** Fields that templates compare with words of their own. */
const KEPT_FIELDS: ReadonlySet<string> = new Set(['role', 'type']);
/** Characters that Unicode reserves for internal use, so texts hardly contain them. */
const MARKS = ['\ufdd0', '\ufdd1', '\ufdd2', '\ufdd3', '\ufdd4', '\ufdd5', '\ufdd6', '\ufdd7'];
const MAX_NESTING = 64;

/**
 * The ids of a conversation, ready to be continued by the model. The beginning-of-text token comes first when the model
 * wants one, whether or not the template writes it.
 *
 * @throws BitnetError `chat/unknown-role` for a role that no template knows, `chat/bad-message` when messages contain
 *   reserved characters or are nested too deeply; as {@link ChatTemplate.render} and {@link Tokenizer.encode}
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: RenderOptions = {},
): number[] {
  for (const { role } of messages) {
    if (!ROLES.has(role)) {
      throw new BitnetError(
        'chat/unknown-role',
        `a message has the role ${JSON.stringify(String(role).slice(0, 100))}; use one of ${[...ROLES].join(', ')}`,
      );
    }
  }
  const mark = chooseMark(template, messages, options);
  const pieces = specialPieces(tokenizer);
  const protect = (text: string): string => insertAt(text, dangerousPlaces(text, pieces), mark);
  const rendered = template.render(mapTexts(messages, protect) as ChatMessage[], {
    ...options,
    ...(options.tools === undefined ? {} : { tools: mapTexts(options.tools, protect) as unknown[] }),
    ...(options.extra === undefined
      ? {}
      : { extra: mapTexts(options.extra, protect) as Record<string, unknown> }),
  });
  const { text, plainAt } = takeMarksOut(rendered, mark);
  const ids = tokenizer.encode(text, { addBos: false, addEos: false, parseSpecial: true, plainAt });
  const wantsBos = tokenizer.addsBos && tokenizer.bosId !== undefined && ids[0] !== tokenizer.bosId;
  return wantsBos ? [tokenizer.bosId!, ...ids] : ids;
}

function chooseMark(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: RenderOptions,
): string {
  const seen = new Set<string>();
  const look = (text: string): string => {
    for (const mark of MARKS) if (text.includes(mark)) seen.add(mark);
    return text;
  };
  look(template.source);
  mapTexts([messages, options.tools, options.extra], look);
  const free = MARKS.find((mark) => !seen.has(mark));
  if (free !== undefined) return free;
  throw new BitnetError(
    'chat/bad-message',
    'the messages contain all of the characters U+FDD0 to U+FDD7, which Unicode reserves for internal use; remove them',
  );
}

/** A copy of a value with every text in it mapped, but for fields whose words templates compare. */
function mapTexts(value: unknown, map: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return map(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_NESTING) {
    throw new BitnetError(
      'chat/bad-message',
      `a message or tool is nested more than ${MAX_NESTING} levels deep`,
    );
  }
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, map, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      KEPT_FIELDS.has(key) && typeof item === 'string' ? item : mapTexts(item, map, depth + 1),
    ]),
  );
}

/** What must be known about the special tokens to find their pieces in a text. */
interface SpecialPieces {
  readonly texts: readonly string[];
  readonly whole: ReadonlySet<string>;
  /** Proper beginnings of special tokens. */
  readonly heads: ReadonlySet<string>;
  /** Proper ends of special tokens. */
  readonly tails: ReadonlySet<string>;
  readonly firstCharacters: ReadonlySet<string>;
  readonly lengths: readonly number[];
  readonly longest: number;
}

const piecesByTokenizer = new WeakMap<Tokenizer, SpecialPieces>();

function specialPieces(tokenizer: Tokenizer): SpecialPieces {
  const known = piecesByTokenizer.get(tokenizer);
  if (known !== undefined) return known;
  const texts = tokenizer.specialTexts;
  const heads = new Set<string>();
  const tails = new Set<string>();
  for (const text of texts) {
    for (let i = 1; i < text.length; i++) {
      heads.add(text.slice(0, i));
      tails.add(text.slice(i));
    }
  }
  const lengths = [...new Set(texts.map((text) => text.length))];
  const pieces: SpecialPieces = {
    texts,
    whole: new Set(texts),
    heads,
    tails,
    firstCharacters: new Set(texts.map((text) => text.charAt(0))),
    lengths,
    longest: Math.max(0, ...lengths),
  };
  piecesByTokenizer.set(tokenizer, pieces);
  return pieces;
}

/**
 * The indexes in a text where a special token begins, where a piece of one begins that reaches the end (the template may
 * go on with the rest), and its start when a piece of one ends there or the whole text is one. Blanks around the text
 * do not count, since templates trim.
 */
function dangerousPlaces(text: string, pieces: SpecialPieces): ReadonlySet<number> {
  const { texts, whole, heads, tails, firstCharacters, lengths, longest } = pieces;
  const places = new Set<number>();
  for (let i = 0; i < text.length; i++) {
    if (!firstCharacters.has(text.charAt(i))) continue;
    if (lengths.some((length) => whole.has(text.slice(i, i + length)))) places.add(i);
  }
  const start = text.length - text.trimStart().length;
  const end = text.trimEnd().length;
  for (let i = Math.max(start, end - longest); i < end; i++) if (heads.has(text.slice(i, end))) places.add(i);
  for (let i = start + 1; i <= Math.min(end, start + longest); i++) {
    if (tails.has(text.slice(start, i))) places.add(start);
  }
  const inner = text.slice(start, end);
  const isPiece = inner !== '' && inner.length <= longest && texts.some((special) => special.includes(inner));
  if (isPiece) places.add(start);
  return places;
}

function insertAt(text: string, places: ReadonlySet<number>, mark: string): string {
  if (places.size === 0) return text;
  const parts: string[] = [];
  let from = 0;
  for (const place of [...places].sort((a, b) => a - b)) {
    parts.push(text.slice(from, place), mark);
    from = place;
  }
  parts.push(text.slice(from));
  return parts.join('');
}

/** The text without marks, and the indexes of the characters that had one. */
function takeMarksOut(marked: string, mark: string): { text: string; plainAt: ReadonlySet<number> } {
  const parts = marked.split(mark);
  const plainAt = new Set<number>();
  let length = parts[0]!.length;
  for (const part of parts.slice(1)) {
    plainAt.add(length);
    length += part.length;
  }
  return { text: parts.join(''), plainAt };
}
