// @ts-check
/**
 * Frames as programs: one text of a frame by random choice, and all ways to read a text by the frames. A reading gives
 * the event's arguments; words that a frame repeats must agree.
 */

import { COLORS, KINDS, NAMES, PLACES, THINGS } from '../world/words.mjs';
import { FRAMES, MACROS } from './frames.mjs';

/** @typedef {string | { slot: string } | { choice: Part[][] }} Part */
/** @typedef {import('../world/random.mjs').Random} Random */
/** @typedef {{ name: string, parts: Part[], pattern: RegExp, slots: string[] }} Frame */
/** @typedef {{ name: string, args: Record<string, string>, length: number }} Reading */

const ANY_NAME = NAMES.join('|');
const ANY_COLOR = COLORS.join('|');
const ANY_THING = THINGS.join('|');

/** Regular expression of what may stand in a slot, without groups. @type {Record<string, string>} */
const SLOT_PATTERNS = {
  A: ANY_NAME,
  B: ANY_NAME,
  O: `the (?:${ANY_THING})`,
  Q: `the (?:${ANY_THING})`,
  'O-cap': `The (?:${ANY_THING})`,
  aO: `a (?:${ANY_COLOR}) (?:${ANY_THING})`,
  c: ANY_COLOR,
  P: `at the (?:${PLACES.join('|')})`,
  toP: `to the (?:${PLACES.join('|')})`,
  K: KINDS.join('|'),
};

/** @param {string} text */
function capital(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/**
 * @param {string} source of a frame, macros replaced
 * @returns {Part[]}
 */
function parse(source) {
  let position = 0;
  /** @returns {Part[]} */
  function sequence() {
    /** @type {Part[]} */
    const parts = [];
    while (position < source.length && !'|)'.includes(source.charAt(position))) {
      const character = source.charAt(position);
      if (character === '(') parts.push(choice());
      else if (character === '$') parts.push(slot());
      else {
        const end = source.slice(position).search(/[(|)$]/);
        const stop = end === -1 ? source.length : position + end;
        parts.push(source.slice(position, stop));
        position = stop;
      }
    }
    return parts;
  }
  function choice() {
    /** @type {Part[][]} */
    const options = [];
    do {
      position += 1;
      options.push(sequence());
    } while (source.charAt(position) === '|');
    if (source.charAt(position) !== ')') throw new Error(`no closing bracket in the frame ${source}`);
    position += 1;
    return { choice: options };
  }
  function slot() {
    const name = /^\$(aO|toP|O-cap|[ABOQPKc])/.exec(source.slice(position))?.[1];
    if (name === undefined) throw new Error(`an unknown slot in the frame ${source}`);
    position += name.length + 1;
    return { slot: name };
  }
  const parts = sequence();
  if (position < source.length) throw new Error(`a bracket too many in the frame ${source}`);
  return parts;
}

/** @param {string} source */
function withMacros(source) {
  let text = source;
  while (/\{(\w+)\}/.test(text)) {
    text = text.replace(/\{(\w+)\}/g, (_, name) => {
      const macro = MACROS[name];
      if (macro === undefined) throw new Error(`there is no macro ${name}`);
      return macro;
    });
  }
  return text;
}

/**
 * @param {Part[]} parts
 * @param {string[]} slots in the order of the groups
 * @returns {string}
 */
function patternOf(parts, slots) {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part.replace(/[.?!*+^]/g, '\\$&');
      if ('choice' in part) return `(?:${part.choice.map((option) => patternOf(option, slots)).join('|')})`;
      slots.push(part.slot);
      return `(${SLOT_PATTERNS[part.slot]})`;
    })
    .join('');
}

/**
 * @param {string} name of the event
 * @param {string} source
 * @returns {Frame}
 */
function compile(name, source) {
  const parts = parse(withMacros(source));
  /** @type {string[]} */
  const slots = [];
  const pattern = new RegExp(patternOf(parts, slots), 'y');
  return { name, parts, pattern, slots };
}

/** @type {ReadonlyMap<string, Frame[]>} */
const FRAMES_BY_EVENT = new Map(
  Object.entries(FRAMES).map(([name, sources]) => [name, sources.map((source) => compile(name, source))]),
);
const ALL_FRAMES = [...FRAMES_BY_EVENT.values()].flat();

/**
 * How many frames were written, and how many different texts they give before any slot is filled.
 *
 * @returns {{ written: number, expanded: number }}
 */
export function countFrames() {
  /** @param {Part[]} parts @returns {string[]} */
  const expand = (parts) =>
    parts.reduce(
      (/** @type {string[]} */ texts, part) => {
        const options =
          typeof part === 'string'
            ? [part]
            : 'slot' in part
              ? [`$${part.slot}`]
              : part.choice.flatMap(expand);
        return texts.flatMap((text) => [...new Set(options)].map((option) => text + option));
      },
      [''],
    );
  const expanded = new Set(
    ALL_FRAMES.flatMap(({ name, parts }) => expand(parts).map((text) => `${name} ${text}`)),
  );
  return { written: ALL_FRAMES.length, expanded: expanded.size };
}

/** Of a hundred choices, this many take the first of the options. */
const FIRST_PERCENT = 70;

/** @template T @param {Random} random @param {readonly T[]} options @returns {T} */
function choose(random, options) {
  const [first, ...others] = options;
  return others.length === 0 || random.chance(FIRST_PERCENT) ? /** @type {T} */ (first) : random.pick(others);
}

/**
 * Tells an event.
 *
 * @param {import('../world/world.mjs').Event} event
 * @param {Random} random
 * @returns {string}
 */
export function tell({ name, args }, random) {
  return capital(fill(choose(random, FRAMES_BY_EVENT.get(name) ?? []).parts));

  /** @param {Part[]} parts @returns {string} */
  function fill(parts) {
    return parts
      .map((part) => {
        if (typeof part === 'string') return part;
        return 'choice' in part ? fill(choose(random, part.choice)) : fillSlot(part.slot);
      })
      .join('');
  }
  /** @param {string} slot @returns {string} */
  function fillSlot(slot) {
    if (slot === 'P') return `at the ${args.P}`;
    if (slot === 'toP') return `to the ${args.P}`;
    if (slot === 'aO') return `a ${args.c} ${args.O}`;
    if (slot === 'O-cap') return `The ${args.O}`;
    if (slot === 'O' || slot === 'Q') return `the ${args[slot]}`;
    return args[slot] ?? '';
  }
}

/**
 * All events that the text may tell from a position on.
 *
 * @param {string} text
 * @param {number} position
 * @returns {Reading[]}
 */
export function readingsAt(text, position) {
  const first = text.charAt(position);
  if (first !== '"' && first === first.toLowerCase()) return [];
  const lowered = text.slice(0, position) + first.toLowerCase() + text.slice(position + 1);
  const texts = lowered === text ? [text] : [text, lowered];
  return ALL_FRAMES.flatMap((frame) => texts.flatMap((form) => read(frame, form, position) ?? []));
}

/**
 * @param {Frame} frame
 * @param {string} text
 * @param {number} position
 * @returns {Reading | null}
 */
function read({ name, pattern, slots }, text, position) {
  pattern.lastIndex = position;
  const match = pattern.exec(text);
  if (match === null) return null;
  /** @type {Record<string, string>} */
  const args = {};
  /** @param {string} key @param {string} value */
  const agree = (key, value) => {
    args[key] ??= value;
    return args[key] === value;
  };
  for (const [i, slot] of slots.entries()) {
    const value = match[i + 1];
    if (value === undefined) continue;
    const words = value.split(' ');
    const key = slot === 'aO' || slot === 'O-cap' ? 'O' : slot === 'toP' ? 'P' : slot;
    if (!agree(key, words.at(-1) ?? '')) return null;
    if (slot === 'aO' && !agree('c', words[1] ?? '')) return null;
  }
  return { name, args, length: match[0].length };
}
