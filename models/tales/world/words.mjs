// @ts-check
/**
 * The words that the tales are about: children and animals, things, colours, places; and which pairs of them are kept out
 * of the training text so that a test can ask for what was never seen together.
 */
import { hashOf } from './random.mjs';

/** Heroes of the tales. @type {readonly string[]} */
export const CHILDREN = 'Lily Mia Anna Emma Lucy Ruby Ben Tom Max Sam Jack Noah'.split(' ');
const GIRLS = 6;

/** Their friends, each always the same animal. */
const ANIMALS = new Map([
  ['Bruno', 'bear'],
  ['Felix', 'fox'],
  ['Rosie', 'rabbit'],
  ['Milo', 'mouse'],
  ['Daisy', 'duck'],
  ['Freddy', 'frog'],
  ['Coco', 'cat'],
  ['Rex', 'dog'],
  ['Harry', 'horse'],
  ['Greta', 'goat'],
  ['Penny', 'pig'],
  ['Buddy', 'bird'],
]);

/** @type {readonly string[]} */
export const FRIENDS = [...ANIMALS.keys()];

/** Everyone a tale may be about. @type {readonly string[]} */
export const NAMES = [...CHILDREN, ...FRIENDS];

/** What everyone is, in every tale. @type {ReadonlyMap<string, string>} */
export const KIND_OF = new Map([
  ...CHILDREN.map((name, i) => /** @type {[string, string]} */ ([name, i < GIRLS ? 'girl' : 'boy'])),
  ...ANIMALS,
]);

/** All that a person may be. @type {readonly string[]} */
export const KINDS = [...new Set(KIND_OF.values())];

/** Things that can be carried. @type {readonly string[]} */
export const THINGS =
  'kite ball hat boat drum lamp rope cup doll book bell key ring coat box bag map flag sled scarf'.split(' ');

/** What colour a thing may have; none begins with a vowel, so that `a` always fits. @type {readonly string[]} */
export const COLORS = 'red blue green yellow white black brown'.split(' ');

/** Everywhere a tale may happen; one is at all of them. @type {readonly string[]} */
export const PLACES = 'park beach lake farm school market bridge mill castle zoo pond river barn cave'.split(
  ' ',
);

/** One pair in this many is held out. */
const HELD_OUT_SHARE = 10;

/**
 * True for a pair (name, thing) or (thing, place) that never occurs in one document of the training text.
 *
 * @param {string} left
 * @param {string} right
 */
export function isHeldOut(left, right) {
  return hashOf(`${left}/${right}`) % HELD_OUT_SHARE === 0;
}

/**
 * The held-out pairs among the people, things and places of one tale.
 *
 * @param {{ people: readonly string[], things: readonly string[], places: readonly string[] }} cast
 * @returns {[string, string][]}
 */
export function heldOutPairs({ people, things, places }) {
  return things.flatMap((thing) => [
    ...people
      .filter((name) => isHeldOut(name, thing))
      .map((name) => /** @type {[string, string]} */ ([name, thing])),
    ...places
      .filter((place) => isHeldOut(thing, place))
      .map((place) => /** @type {[string, string]} */ ([thing, place])),
  ]);
}

/**
 * True if a text has both words of a held-out pair, whatever it says with them.
 *
 * @param {string} text
 */
export function hasHeldOutPair(text) {
  const words = new Set(text.match(/\w+/g));
  /** @param {readonly string[]} list */
  const among = (list) => list.filter((word) => words.has(word));
  return heldOutPairs({ people: among(NAMES), things: among(THINGS), places: among(PLACES) }).length > 0;
}
