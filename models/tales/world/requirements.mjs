// @ts-check
/**
 * What the rules of events are made of: things that must hold, refused with a sentence, and changes of the world that
 * several events share.
 */
import { CAUSES, clauseOf } from './causes.mjs';
import { KIND_OF } from './words.mjs';

/** @typedef {import('./world.mjs').World} World */
/** @typedef {import('./world.mjs').Thing} Thing */
/** @typedef {import('./world.mjs').Args} Args */

/** Thrown inside rules only. */
export class Refusal extends Error {}

/** @param {boolean} holds @param {string} otherwise */
export function must(holds, otherwise) {
  if (!holds) throw new Refusal(otherwise);
}

/** @param {Args} args @param {string} key @returns {string} */
export function arg(args, key) {
  const value = args[key];
  if (value === undefined) throw new Refusal(`the event lacks ${key}`);
  return value;
}

/** @param {World} w @param {string} name @param {string} place */
export function isAt(w, name, place) {
  must(w.person(name).at === place, `${name} is not at the ${place}`);
}

/** @param {World} w @param {string} one @param {string} two */
export function together(w, one, two) {
  must(one !== two, `${one} is one person`);
  const places = [one, two].map((name) => w.person(name).at);
  for (const [i, name] of [one, two].entries()) must(places[i] !== null, `nobody knows where ${name} is`);
  must(places[0] === places[1], `${one} is at the ${places[0]}, ${two} at the ${places[1]}`);
}

/** @param {World} w @param {string} name @param {string} noun */
export function holds(w, name, noun) {
  const { holder } = w.thing(noun);
  w.person(name);
  must(holder === name, `${name} does not have the ${noun} (${holder ?? 'nobody'} has)`);
}

/** @param {World} w @param {Args} args */
export function addThing(w, args) {
  const noun = arg(args, 'O');
  w.person(args.A);
  must(!w.things.has(noun), `the ${noun} is in the tale already`);
  /** @type {Thing} */
  const thing = { color: arg(args, 'c'), holder: arg(args, 'A'), at: null, broken: false };
  w.things.set(noun, thing);
}

/** @param {World} w @param {string} name @param {string} place */
export function move(w, name, place) {
  const person = w.person(name);
  must(person.at !== place, `${name} is at the ${place} already`);
  must(!person.stuck, `${name} cannot get away`);
  person.at = place;
}

/**
 * From now on a person has reason to feel what the cause brings.
 *
 * @param {World} w
 * @param {string} cause
 * @param {Args} args A is the person
 */
export function touch(w, cause, args) {
  const person = w.person(args.A);
  person.cause = { name: cause, args };
  person.feels = null;
  person.why = null;
  person.isUpset = CAUSES[cause]?.feeling === 'sad' || CAUSES[cause]?.feeling === 'angry';
}

/** @param {World} w @param {string} name */
export function upset(w, name) {
  const person = w.person(name);
  person.cause = null;
  person.isUpset = true;
}

/** @param {World} w @param {string} name @param {string} noun */
export function receive(w, name, noun) {
  w.person(name);
  const thing = w.thing(noun);
  thing.holder = name;
  thing.at = null;
}

/** @param {World} w @param {string} name @param {string} kind */
export function introduce(w, name, kind) {
  must(!w.people.has(name), `${name} was introduced already`);
  must(KIND_OF.get(name) === kind, `${name} is not a ${kind}`);
  w.people.set(name, { kind, at: null, cause: null, feels: null, why: null, isUpset: false, stuck: false });
}

/**
 * The tale says how somebody feels, and why.
 *
 * @param {World} w
 * @param {string} cause
 * @param {Args} args
 */
export function feel(w, cause, args) {
  const name = arg(args, 'A');
  const person = w.person(name);
  const feeling = CAUSES[cause]?.feeling ?? '';
  const said = clauseOf(cause, args);
  must(
    person.cause?.name === cause && clauseOf(cause, person.cause.args) === said,
    `${name} has no reason to be ${feeling} because ${said}`,
  );
  must(person.feels === null, `it was said already how ${name} feels`);
  person.feels = feeling;
  person.why = said;
}

/** @param {World} w */
export function end(w) {
  must(w.asked === null, 'a question is still open');
  must(w.race === null, 'the race is still open');
  const stuck = [...w.people].find(([, person]) => person.stuck);
  must(stuck === undefined, `${stuck?.[0]} is still stuck`);
  w.ended = true;
}

/** @param {World} w @param {string} what */
export function lesson(w, what) {
  must(w.lessons.has(what), `nobody ${what} in this tale`);
  end(w);
}
