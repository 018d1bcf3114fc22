// @ts-check
/**
 * Tells a tale: draws a cast, lets a plot run in the world and puts every event into words.
 */
import { tell } from '../frames/grammar.mjs';
import { PLOTS } from './plots.mjs';
import { ANIMALS, COLORS, heldOutPairs, isFemale, isHeldOut, NAMES, PLACES, THINGS } from './words.mjs';
import { World } from './world.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {{ people: string[], things: string[], places: string[] }} Cast */

/** Of a hundred people, this many are girls and boys. */
const HUMAN_PERCENT = 35;

/** What a plot writes with: events in order, each of which must be possible. */
export class Teller {
  world = new World();
  /** @type {string[]} */
  sentences = [];

  /**
   * @param {Random} random
   * @param {Cast} cast
   */
  constructor(random, cast) {
    this.random = random;
    this.cast = cast;
    this.colors = new Map(cast.things.map((noun) => [noun, random.pick(COLORS)]));
    this.kinds = new Map(
      cast.people.map((name) => [
        name,
        random.chance(HUMAN_PERCENT) ? (isFemale(name) ? 'girl' : 'boy') : random.pick(ANIMALS),
      ]),
    );
  }

  /**
   * @param {string} name of the event
   * @param {Record<string, string>} [args]
   */
  say(name, args = {}) {
    const full = { ...args };
    if (name === 'intro') full.K = this.kinds.get(args.A ?? '') ?? '';
    if (name === 'friend') full.K = this.kinds.get(args.B ?? '') ?? '';
    if (['own', 'lie', 'spot', 'want', 'win'].includes(name)) full.c = this.colors.get(args.O ?? '') ?? '';
    const { last } = this.world;
    const refusal = this.world.happen({ name, args: full });
    if (refusal !== null) throw new Error(`a plot wants ${name} ${JSON.stringify(full)}, but ${refusal}`);
    this.sentences.push(
      tell(
        { name, args: full },
        { random: this.random, colorOf: (noun) => this.colors.get(noun) ?? '', last },
      ),
    );
  }

  /**
   * Says something in `percent` of a hundred tales.
   *
   * @param {number} percent
   * @param {string} name
   * @param {Record<string, string>} [args]
   */
  maybe(percent, name, args) {
    if (this.random.chance(percent)) this.say(name, args);
  }
}

/**
 * @typedef {object} Tale
 * @property {string} text
 * @property {string} plot
 * @property {World} world at the end
 * @property {Cast} cast
 */

/**
 * A tale of a random cast.
 *
 * @param {Random} random
 * @param {'train' | 'test'} part `train` never pairs what is held out, `test` always has a hero and a first place that
 *   are held out with the tale's first thing
 * @returns {Tale}
 */
export function tellTale(random, part) {
  const plot = random.pick(Object.keys(PLOTS));
  const cast = drawCast(random, part);
  const teller = new Teller(random, cast);
  PLOTS[plot]?.(teller, cast);
  return { text: teller.sentences.join(' '), plot, world: teller.world, cast };
}

/** @param {Random} random @param {'train' | 'test'} part @returns {Cast} */
function drawCast(random, part) {
  for (;;) {
    const things = random.sample(THINGS, 2);
    const thing = things[0] ?? '';
    const cast = { people: random.sample(NAMES, 3), things, places: random.sample(PLACES, 3) };
    if (part === 'train') {
      if (heldOutPairs(cast).length === 0) return cast;
      continue;
    }
    const heroes = NAMES.filter((name) => isHeldOut(name, thing));
    const places = PLACES.filter((place) => isHeldOut(thing, place));
    if (heroes.length === 0 || places.length === 0) continue;
    const hero = random.pick(heroes);
    const place = random.pick(places);
    return {
      people: [hero, ...cast.people.filter((name) => name !== hero)].slice(0, 3),
      things,
      places: [place, ...cast.places.filter((name) => name !== place)].slice(0, 3),
    };
  }
}
