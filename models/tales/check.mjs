// @ts-check
/**
 * Checks whether a text is a tale that can be true: every sentence must be one of the frames, every event must be
 * possible after the ones before it, and the end must follow. Where a sentence can be read in several ways, it is enough
 * that one of them goes well to the end.
 */
import { readingsAt } from './frames/grammar.mjs';
import { PLOTS } from './world/plots.mjs';
import { World } from './world/world.mjs';

/** @typedef {{ ok: true, world: World } | { ok: false, reason: string, at: string }} Verdict `at`: the text from where it goes wrong */

/** More readings than this are not followed at once. */
const MOST_WORLDS = 64;

/**
 * @param {string} text
 * @returns {Verdict}
 */
export function checkTale(text) {
  /** @type {Map<number, World[]>} worlds by how much of the text they have told */
  const open = new Map([[0, [new World()]]]);
  let failure = { position: 0, reason: 'no frame has this sentence' };
  for (let position = 0; position < text.length; position++) {
    const worlds = open.get(position);
    if (worlds === undefined) continue;
    open.delete(position);
    const readings = readingsAt(text, position);
    /** @type {string[]} */
    const refusals = [];
    let goesOn = false;
    for (const reading of readings) {
      const end = position + reading.length;
      if (end < text.length && text.charAt(end) !== ' ') continue;
      for (const world of worlds) {
        const next = after(world, reading);
        if (typeof next === 'string') {
          refusals.push(next);
          continue;
        }
        goesOn = true;
        if (end === text.length) {
          if (next.ended) return { ok: true, world: next };
          refusals.push('the tale has no end');
          goesOn = false;
          continue;
        }
        const list = open.get(end + 1) ?? [];
        if (list.length < MOST_WORLDS) open.set(end + 1, [...list, next]);
      }
    }
    if (!goesOn) failure = { position, reason: refusals[0] ?? 'no frame has this sentence' };
  }
  return { ok: false, reason: failure.reason, at: text.slice(failure.position, failure.position + 120) };
}

/**
 * The world after an event, or why it cannot be.
 *
 * @param {World} world
 * @param {import('./frames/grammar.mjs').Reading} reading
 * @returns {World | string}
 */
function after(world, { name, args }) {
  const next = world.clone();
  return next.happen({ name, args }) ?? next;
}

/** What a request asks for: the hero first, the friend second; things with their colours; places in their order; the plot's topic. */
/** @typedef {{ people: string[], things: { noun: string, color: string }[], places: string[], topic: string | null }} Wish */

/**
 * What the request asks for and the tale does not have. The hero must be the first person of the tale, and every place
 * one where something happens; of the plot, the one event that it is named after.
 *
 * @param {World} world at the end of the tale
 * @param {Wish} wish
 * @returns {string | null} a sentence, or null if all is there
 */
export function lackOf(world, { people, things, places, topic }) {
  const present = [...world.people.keys()];
  const stranger = people.find((name, i) => present[i] !== name);
  if (stranger !== undefined) return `the request names ${stranger}`;
  const thing = things.find(({ noun, color }) => world.things.get(noun)?.color !== color);
  if (thing !== undefined) return `the request names a ${thing.color} ${thing.noun}`;
  const visited = new Set(world.events.flatMap(({ args }) => args.P ?? []));
  const place = places.find((name) => !visited.has(name));
  if (place !== undefined) return `the request names the ${place}`;
  const plot = Object.values(PLOTS).find((candidate) => candidate.topic === topic);
  const isThere = plot === undefined || world.events.some(({ name }) => name === plot.sign);
  return isThere ? null : `the request names ${topic}`;
}
