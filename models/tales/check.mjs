// @ts-check
/**
 * Checks whether a text is a tale that can be true: every sentence must be one of the frames, every event must be
 * possible after the ones before it, and the end must follow. Where a sentence can be read in several ways, it is enough
 * that one of them goes well to the end.
 */
import { readingsAt } from './frames/grammar.mjs';
import { isFemale } from './world/words.mjs';
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
function after(world, { name, args, pronoun }) {
  const next = world.clone();
  const about = args.A ?? (pronoun === null ? null : world.last);
  if (pronoun !== null) {
    if (about === null) return `nobody knows whom "${pronoun}" means`;
    if (isFemale(about) !== (pronoun === 'she')) return `${about} is called "${pronoun}"`;
  }
  for (const [slot, key] of [
    ['O', 'c'],
    ['Q', 'd'],
  ]) {
    const known = next.things.get(args[slot ?? ''] ?? '')?.color;
    const said = args[key ?? ''];
    if (known !== undefined && said !== undefined && known !== said)
      return `the ${args[slot ?? '']} is ${known}, not ${said}`;
  }
  const full = about === null || args.A !== undefined || pronoun === null ? args : { ...args, A: about };
  return next.happen({ name, args: full }) ?? next;
}
