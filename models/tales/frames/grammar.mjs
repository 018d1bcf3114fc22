// @ts-check
/**
 * Frames as programs: one text of a frame by random choice, and all ways to read a text by the frames. A reading gives
 * the event's arguments; words that a frame repeats must agree, pronouns must fit the name.
 */

import { being, COLORS, FEELINGS, going, isFemale, KINDS, NAMES, PLACES, THINGS } from '../world/words.mjs';
import { FRAMES, MACROS } from './frames.mjs';

/** @typedef {string | { slot: string } | { choice: Part[][] }} Part */
/** @typedef {import('../world/random.mjs').Random} Random */
/** @typedef {{ name: string, parts: Part[], pattern: RegExp, slots: string[] }} Frame */
/** @typedef {{ name: string, args: Record<string, string>, pronoun: string | null, length: number }} Reading */

const ANY_NAME = NAMES.join('|');
const ANY_COLOR = COLORS.join('|');
const ANY_THING = THINGS.join('|');
const ALL_PLACES = [...PLACES, 'home'];
/** @type {ReadonlyMap<string, string>} */
const PLACE_BY_PHRASE = new Map(
  ALL_PLACES.flatMap((place) => [
    [being(place), place],
    [going(place), place],
    [capital(being(place)), place],
  ]),
);

/** Regular expression of what may stand in a slot, without groups. @type {Record<string, string>} */
const SLOT_PATTERNS = {
  A: ANY_NAME,
  B: ANY_NAME,
  O: `the (?:(?:${ANY_COLOR}) )?(?:${ANY_THING})`,
  Q: `the (?:(?:${ANY_COLOR}) )?(?:${ANY_THING})`,
  'O-cap': `The (?:(?:${ANY_COLOR}) )?(?:${ANY_THING})`,
  aO: `a (?:${ANY_COLOR}) (?:${ANY_THING})`,
  P: ALL_PLACES.map(being).join('|'),
  'P-cap': ALL_PLACES.map(being).map(capital).join('|'),
  toP: ALL_PLACES.map(going).join('|'),
  K: KINDS.join('|'),
  F: Object.values(FEELINGS).flat().join('|'),
  He: 'He|She',
  he: 'he|she',
  his: 'his|her',
  him: 'him|her',
};

/** How the pronouns for a man and a woman are written. @type {Record<string, [string, string]>} */
const PRONOUNS = { He: ['He', 'She'], he: ['he', 'she'], his: ['his', 'her'], him: ['him', 'her'] };

/** Of a hundred mentions of a known thing, this many name its colour. */
const COLOR_PERCENT = 20;

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
    const name = /^\$(aO|aQ|toP|He|he|his|him|[OP]-cap|[ABOQPKF])/.exec(source.slice(position))?.[1];
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

/**
 * Tells an event.
 *
 * @param {import('../world/world.mjs').Event} event
 * @param {{ random: Random, colorOf: (noun: string) => string, last: string | null }} context `last`: whom the sentence
 *   before was about; only that person may be called he or she
 * @returns {string}
 */
export function tell({ name, args }, { random, colorOf, last }) {
  const frames = (FRAMES_BY_EVENT.get(name) ?? []).filter(
    (frame) => last === args.A || frame.slots.includes('A') || !frame.slots.some((slot) => slot in PRONOUNS),
  );
  const text = fill(random.pick(frames).parts);
  return capital(text);

  /** @param {Part[]} parts @returns {string} */
  function fill(parts) {
    return parts
      .map((part) => {
        if (typeof part === 'string') return part;
        return 'choice' in part ? fill(random.pick(part.choice)) : fillSlot(part.slot);
      })
      .join('');
  }
  /** @param {string} slot @returns {string} */
  function fillSlot(slot) {
    const pronoun = PRONOUNS[slot];
    if (pronoun) return pronoun[isFemale(args.A ?? '') ? 1 : 0];
    if (slot === 'P') return being(args.P ?? '');
    if (slot === 'P-cap') return capital(being(args.P ?? ''));
    if (slot === 'toP') return going(args.P ?? '');
    if (slot === 'aO') return `a ${args.c} ${args.O}`;
    if (slot === 'O' || slot === 'Q' || slot === 'O-cap') {
      const noun = args[slot.charAt(0)] ?? '';
      const color = random.chance(COLOR_PERCENT) ? `${colorOf(noun)} ` : '';
      return `${slot === 'O-cap' ? 'The' : 'the'} ${color}${noun}`;
    }
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
  /** @type {string | null} */
  let pronoun = null;
  /** @param {string} key @param {string} value */
  const agree = (key, value) => {
    if (args[key] !== undefined && args[key] !== value) return false;
    args[key] = value;
    return true;
  };
  for (const [i, slot] of slots.entries()) {
    const value = match[i + 1];
    if (value === undefined) continue;
    if (PRONOUNS[slot]) {
      const gender = PRONOUNS[slot][1] === value && !(PRONOUNS[slot][0] === value) ? 'she' : 'he';
      if (pronoun !== null && pronoun !== gender) return null;
      pronoun = gender;
    } else if (slot === 'P' || slot === 'toP' || slot === 'P-cap') {
      if (!agree('P', PLACE_BY_PHRASE.get(value) ?? '')) return null;
    } else if (/^(aO|O|O-cap|Q)$/.test(slot)) {
      const words = value.split(' ');
      const key = slot === 'Q' ? 'Q' : 'O';
      if (!agree(key, words.at(-1) ?? '')) return null;
      if (words.length === 3 && !agree(key === 'Q' ? 'd' : 'c', words[1] ?? '')) return null;
    } else if (!agree(slot, value)) return null;
  }
  return { name, args, pronoun, length: match[0].length };
}
