// @ts-check
/**
 * What the rules of events are made of: things that must hold, refused with a sentence, and changes of the world that
 * several events share.
 */
import { isFemale, MOOD_OF } from './words.mjs';

/** @typedef {import('./world.mjs').World} World */
/** @typedef {import('./world.mjs').Thing} Thing */
/** @typedef {import('./world.mjs').Args} Args */
/** @typedef {import('./words.mjs').Mood} Mood */

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

/** @param {World} w @param {...string} names */
export function together(w, ...names) {
  const places = names.map((name) => w.person(name).at);
  for (const [i, place] of places.entries()) {
    must(place !== null, `nobody knows where ${names[i]} is`);
    must(place === places[0], `${names[0]} is ${places[0]}, ${names[i]} ${place}`);
  }
}

/** @param {World} w @param {string} name @param {string} noun */
export function holds(w, name, noun) {
  const { holder } = w.thing(noun);
  must(holder === name, `${name} does not have the ${noun} (${holder ?? 'nobody'} has)`);
}

/** @param {World} w @param {Args} args @param {string} [slot] @param {string} [color] */
export function addThing(w, args, slot = 'O', color = 'c') {
  const noun = arg(args, slot);
  must(!w.things.has(noun), `the ${noun} is in the tale already`);
  /** @type {Thing} */
  const thing = { color: arg(args, color), holder: null, at: null, broken: false };
  w.things.set(noun, thing);
  return thing;
}

/** @param {World} w @param {string} name @param {string} place */
export function move(w, name, place) {
  const person = w.person(name);
  must(person.at !== place, `${name} is at the ${place} already`);
  must(!person.stuck, `${name} cannot get away`);
  person.at = place;
}

/** @param {World} w @param {string} name @param {Mood | null} mood @param {string | null} why */
export function setMood(w, name, mood, why) {
  const person = w.person(name);
  person.mood = mood;
  person.feels = null;
  person.why = why;
}

/** @param {World} w @param {string} name @param {string} noun */
export function receive(w, name, noun) {
  const thing = w.thing(noun);
  thing.holder = name;
  thing.at = null;
  const person = w.person(name);
  if (person.wants === noun || person.mood === null || person.mood === 'good') {
    setMood(w, name, 'good', `${name} got the ${noun}`);
  }
}

/** @param {World} w @param {Args} a */
export function introduce(w, a, slot = 'A') {
  const name = arg(a, slot);
  const kind = arg(a, 'K');
  must(!w.people.has(name), `${name} was introduced already`);
  must(kind !== 'girl' || isFemale(name), `${name} is not a girl`);
  must(kind !== 'boy' || !isFemale(name), `${name} is not a boy`);
  w.people.set(name, { kind, at: null, mood: null, feels: null, wants: null, why: null, stuck: false });
}

/** @param {World} w @param {string} name @param {string} feeling */
export function feel(w, name, feeling) {
  const person = w.person(name);
  const mood = MOOD_OF.get(feeling);
  must(person.mood === mood, `${name} has no reason to be ${feeling}`);
  person.feels = feeling;
}

/** @param {World} w @param {Args} a @param {Mood} mood */
export function show(w, a, mood) {
  must(w.person(a.A).mood === mood, `${a.A} has no reason to (${mood})`);
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
