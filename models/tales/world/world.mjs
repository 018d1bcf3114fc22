// @ts-check
/**
 * The world of the tales: who is where, who has what, who feels how and why. It changes by events only (rules.mjs).
 */
import { Refusal } from './requirements.mjs';
import { RULES } from './rules.mjs';

/** `cause` is what would be felt now, `feels` and `why` what the tale said. */
/** @typedef {{ kind: string, at: string | null, cause: { name: string, args: Args } | null, feels: string | null, why: string | null, isUpset: boolean, stuck: boolean }} Person */
/** @typedef {{ color: string, holder: string | null, at: string | null, broken: boolean }} Thing */
/** @typedef {Record<string, string>} Args */
/** @typedef {{ name: string, args: Args }} Event */

/** What is true at one moment of a tale, and what happened until then. */
export class World {
  /** @type {Map<string, Person>} */
  people = new Map();
  /** A thing that nobody holds and that lies nowhere known is lost. @type {Map<string, Thing>} */
  things = new Map();
  /** @type {Event[]} */
  events = [];
  /** A question that waits for an answer, and a promise that waits to be kept. @type {{ A: string, B: string, O: string, promised: boolean } | null} */
  asked = null;
  /** A race that nobody has won yet. @type {{ A: string, B: string, P: string } | null} */
  race = null;
  /** Pairs `from>to`: who helped whom, wronged whom. */
  helped = new Set();
  wronged = new Set();
  /** What the end may draw a lesson from. @type {Set<string>} */
  lessons = new Set();
  ended = false;

  /**
   * Lets an event happen.
   *
   * @param {Event} event
   * @returns {string | null} why it cannot happen, or null when it did; the world is not to be used after a refusal
   */
  happen(event) {
    const rule = RULES[event.name];
    if (rule === undefined) return `there is no event ${event.name}`;
    if (this.ended && event.name !== 'theEnd') return 'the tale is over already';
    const refusal = rule(this, event.args) ?? null;
    if (refusal === null) this.events.push(event);
    return refusal;
  }

  /** @returns {World} */
  clone() {
    const copy = new World();
    for (const [name, person] of this.people) copy.people.set(name, { ...person });
    for (const [name, thing] of this.things) copy.things.set(name, { ...thing });
    copy.events = [...this.events];
    copy.asked = this.asked && { ...this.asked };
    copy.race = this.race;
    copy.helped = new Set(this.helped);
    copy.wronged = new Set(this.wronged);
    copy.lessons = new Set(this.lessons);
    copy.ended = this.ended;
    return copy;
  }

  /** @param {string | undefined} name @returns {Person} */
  person(name) {
    const person = this.people.get(name ?? '');
    if (person === undefined) throw new Refusal(`${name} is not in the tale yet`);
    return person;
  }

  /** @param {string | undefined} name @returns {Thing} */
  thing(name) {
    const thing = this.things.get(name ?? '');
    if (thing === undefined) throw new Refusal(`there is no ${name} in the tale yet`);
    return thing;
  }
}
