// @ts-check
/**
 * The words that the tales are about: people, what they are, things, places, feelings; and which pairs of them are kept
 * out of the training text so that a test can ask for what was never seen together.
 */
import { hashOf } from './random.mjs';

const GIRLS = 'Mia Lily Anna Emma Lucy Nora Ruby Zoe Kate Amy Molly Jane'.split(' ');
const BOYS = 'Ben Tom Max Sam Leo Finn Jack Noah Tim Hugo Dan Fred'.split(' ');

/** Everyone a tale may be about. @type {readonly string[]} */
export const NAMES = [...GIRLS, ...BOYS];

const FEMALE = new Set(GIRLS);

/**
 * True for a name that `she` stands for.
 *
 * @param {string} name
 */
export function isFemale(name) {
  return FEMALE.has(name);
}

/** Animals that a person of a tale may be. @type {readonly string[]} */
export const ANIMALS = 'cat dog fox bear rabbit mouse duck frog horse bird'.split(' ');

/** All that a person may be. @type {readonly string[]} */
export const KINDS = ['girl', 'boy', ...ANIMALS];

/** Things that can be carried. @type {readonly string[]} */
export const THINGS =
  'kite ball hat boat drum lamp rope cup doll book bell key ring coat box bag stone map flag sled bike flute scarf coin'.split(
    ' ',
  );

/** What colour a thing may have; none begins with a vowel, so that `a` always fits. @type {readonly string[]} */
export const COLORS = 'red blue green yellow white black brown golden'.split(' ');

/** Places with the preposition of being there. */
const PREPOSITIONS = new Map([
  ['at', 'park beach lake farm school market bridge mill castle zoo'],
  ['in', 'garden forest barn cave'],
  ['on', 'hill island'],
]);

/** Where a place's name stands after: `at the park`. @type {ReadonlyMap<string, string>} */
const AT = new Map(
  [...PREPOSITIONS].flatMap(([preposition, names]) => names.split(' ').map((name) => [name, preposition])),
);

/** Everywhere a tale may happen, besides `home`. @type {readonly string[]} */
export const PLACES = [...AT.keys()];

/**
 * Being at a place: `at the park`, `at home`.
 *
 * @param {string} place
 */
export function being(place) {
  return place === 'home' ? 'at home' : `${AT.get(place)} the ${place}`;
}

/**
 * Going to a place: `to the park`, `home`.
 *
 * @param {string} place
 */
export function going(place) {
  return place === 'home' ? 'home' : `to the ${place}`;
}

/** How one may feel, by mood. */
export const FEELINGS = {
  good: ['happy', 'glad', 'proud'],
  bad: ['sad', 'angry', 'upset'],
  fear: ['afraid', 'scared'],
};

/** @typedef {keyof typeof FEELINGS} Mood */

/** The mood that a word for a feeling belongs to. @type {ReadonlyMap<string, Mood>} */
export const MOOD_OF = new Map(
  /** @type {[Mood, string[]][]} */ (Object.entries(FEELINGS)).flatMap(([mood, words]) =>
    words.map((word) => /** @type {[string, Mood]} */ ([word, mood])),
  ),
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
