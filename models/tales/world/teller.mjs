// @ts-check
/**
 * Tells a tale: draws a cast, lets a plot run in the world and puts every event into words.
 */
import { tell } from '../frames/grammar.mjs';
import { PLOTS } from './plots.mjs';
import { CHILDREN, COLORS, FRIENDS, heldOutPairs, isHeldOut, KIND_OF, PLACES, THINGS } from './words.mjs';
import { World } from './world.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** Hero and friend; the things with their colours, and the places, that the plot has. */
/** @typedef {{ people: string[], things: string[], colors: string[], places: string[] }} Cast */

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
  }

  /**
   * @param {string} name of the event
   * @param {Record<string, string>} [args]
   */
  say(name, args = {}) {
    const kind = KIND_OF.get((name === 'intro' ? args.A : args.B) ?? '') ?? '';
    const event = { name, args: name === 'intro' || name === 'friend' ? { ...args, K: kind } : args };
    const refusal = this.world.happen(event);
    if (refusal !== null) throw new Error(`a plot wants ${name} ${JSON.stringify(args)}, but ${refusal}`);
    this.sentences.push(tell(event, this.random));
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

  /**
   * Somebody has or gets a new thing, and it is said once more what colour it is.
   *
   * @param {string} A
   * @param {string} O
   * @param {'own' | 'win'} [event]
   */
  own(A, O, event = 'own') {
    const c = this.cast.colors[this.cast.things.indexOf(O)] ?? '';
    this.say(event, { A, O, c });
    this.say('color', { O, c });
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
  const name = random.pick(Object.keys(PLOTS));
  const plot = PLOTS[name];
  if (plot === undefined) throw new Error(`there is no plot ${name}`);
  const cast = drawCast(random, part, plot);
  const teller = new Teller(random, cast);
  const [A = '', B = ''] = cast.people;
  const [O = '', Q = ''] = cast.things;
  const [P = '', R = ''] = cast.places;
  plot.run(teller, { A, B, O, Q, P, R });
  return { text: teller.sentences.join(' '), plot: name, world: teller.world, cast };
}

/** @param {Random} random @param {'train' | 'test'} part @param {import('./plots.mjs').Plot} plot @returns {Cast} */
function drawCast(random, part, plot) {
  const { nats } = random;
  for (;;) {
    random.nats = nats;
    const things = random.sample(THINGS, plot.things);
    const colors = random.sample(COLORS, plot.things);
    const people = [random.pick(CHILDREN), random.pick(FRIENDS)];
    const places = random.sample(PLACES, plot.places);
    const cast = { people, things, colors, places };
    if (part === 'train') {
      if (heldOutPairs(cast).length === 0) return cast;
      continue;
    }
    const [thing = ''] = things;
    const heroes = CHILDREN.filter((name) => isHeldOut(name, thing));
    const firsts = PLACES.filter((place) => isHeldOut(thing, place));
    if (heroes.length === 0 || firsts.length === 0) continue;
    people[0] = random.pick(heroes);
    places[0] = random.pick(firsts);
    if (places[0] !== places[1]) return cast;
  }
}
