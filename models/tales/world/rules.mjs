// @ts-check
/**
 * The world of the tales: who is where, who has what, who feels how and why. Every event has one rule, which says what
 * must hold before it and changes the world. The teller may only tell events whose rule agrees, and the checker replays
 * a finished text by the same rules.
 *
 * Arguments: A, B, C people; O, Q things; P a place; K what somebody is; F a feeling; c, d colours of O and Q.
 */
import { isFemale, MOOD_OF } from './words.mjs';

/** @typedef {import('./words.mjs').Mood} Mood */
/** @typedef {{ kind: string, at: string | null, mood: Mood | null, feels: string | null, wants: string | null, why: string | null, stuck: boolean }} Person */
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
  /** Pairs `from>to`: who helped whom, wronged whom, is sorry. */
  helped = new Set();
  wronged = new Set();
  sorry = new Set();
  /** What the end may draw a lesson from. @type {Set<string>} */
  lessons = new Set();
  raining = false;
  ended = false;
  /** Whom `he` or `she` at the start of the next sentence means. @type {string | null} */
  last = null;

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
    if (refusal !== null) return refusal;
    this.events.push(event);
    this.last = (event.name === 'friend' ? event.args.B : event.args.A) ?? this.last;
    return null;
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
    copy.sorry = new Set(this.sorry);
    copy.lessons = new Set(this.lessons);
    copy.raining = this.raining;
    copy.ended = this.ended;
    copy.last = this.last;
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

/** Thrown inside rules only. */
class Refusal extends Error {}

/** @param {boolean} holds @param {string} otherwise */
function must(holds, otherwise) {
  if (!holds) throw new Refusal(otherwise);
}

/** @param {Args} args @param {string} key @returns {string} */
function arg(args, key) {
  const value = args[key];
  if (value === undefined) throw new Refusal(`the event lacks ${key}`);
  return value;
}

/** @param {World} w @param {...string} names */
function together(w, ...names) {
  const places = names.map((name) => w.person(name).at);
  for (const [i, place] of places.entries()) {
    must(place !== null, `nobody knows where ${names[i]} is`);
    must(place === places[0], `${names[0]} is ${places[0]}, ${names[i]} ${place}`);
  }
}

/** @param {World} w @param {string} name @param {string} noun */
function holds(w, name, noun) {
  const { holder } = w.thing(noun);
  must(holder === name, `${name} does not have the ${noun} (${holder ?? 'nobody'} has)`);
}

/** @param {World} w @param {Args} args @param {string} [slot] @param {string} [color] */
function addThing(w, args, slot = 'O', color = 'c') {
  const noun = arg(args, slot);
  must(!w.things.has(noun), `the ${noun} is in the tale already`);
  /** @type {Thing} */
  const thing = { color: arg(args, color), holder: null, at: null, broken: false };
  w.things.set(noun, thing);
  return thing;
}

/** @param {World} w @param {string} name @param {string} place */
function move(w, name, place) {
  const person = w.person(name);
  must(person.at !== place, `${name} is at the ${place} already`);
  must(!person.stuck, `${name} cannot get away`);
  person.at = place;
}

/** @param {World} w @param {string} name @param {Mood | null} mood @param {string | null} why */
function setMood(w, name, mood, why) {
  const person = w.person(name);
  person.mood = mood;
  person.feels = null;
  person.why = why;
}

/** @param {World} w @param {string} name @param {string} noun */
function receive(w, name, noun) {
  const thing = w.thing(noun);
  thing.holder = name;
  thing.at = null;
  const person = w.person(name);
  if (person.wants === noun || person.mood === null || person.mood === 'good') {
    setMood(w, name, 'good', `${name} got the ${noun}`);
  }
}

/** @param {(w: World, a: Args) => void} rule @returns {(w: World, a: Args) => string | null} */
function rule(rule) {
  return (w, a) => {
    try {
      rule(w, a);
      return null;
    } catch (error) {
      if (error instanceof Refusal) return error.message;
      throw error;
    }
  };
}

/** @param {World} w @param {Args} a */
function introduce(w, a, slot = 'A') {
  const name = arg(a, slot);
  const kind = arg(a, 'K');
  must(!w.people.has(name), `${name} was introduced already`);
  must(kind !== 'girl' || isFemale(name), `${name} is not a girl`);
  must(kind !== 'boy' || !isFemale(name), `${name} is not a boy`);
  w.people.set(name, { kind, at: null, mood: null, feels: null, wants: null, why: null, stuck: false });
}

/** @param {World} w @param {string} name @param {string} feeling */
function feel(w, name, feeling) {
  const person = w.person(name);
  const mood = MOOD_OF.get(feeling);
  must(person.mood === mood, `${name} has no reason to be ${feeling}`);
  person.feels = feeling;
}

/** @param {World} w @param {Args} a @param {Mood} mood */
function show(w, a, mood) {
  must(w.person(a.A).mood === mood, `${a.A} has no reason to (${mood})`);
}

/** @type {Record<string, (w: World, a: Args) => void>} */
const PLAIN_RULES = {
  intro: (w, a) => introduce(w, a),
  friend: (w, a) => {
    if (a.A !== undefined) w.person(a.A);
    introduce(w, a, 'B');
  },
  be: (w, a) => {
    const person = w.person(a.A);
    must(person.at === null || person.at === a.P, `${a.A} is not at the ${a.P}`);
    person.at = arg(a, 'P');
  },
  own: (w, a) => {
    w.person(a.A);
    addThing(w, a).holder = arg(a, 'A');
  },
  lie: (w, a) => {
    addThing(w, a).at = arg(a, 'P');
  },
  spot: (w, a) => {
    must(w.person(a.A).at === a.P, `${a.A} is not at the ${a.P}`);
    addThing(w, a).at = arg(a, 'P');
  },
  want: (w, a) => {
    const noun = arg(a, 'O');
    const thing = w.things.get(noun) ?? addThing(w, a);
    must(thing.holder !== a.A, `${a.A} has the ${noun} already`);
    w.person(a.A).wants = noun;
  },
  wantThe: (w, a) => {
    must(w.thing(a.O).holder !== a.A, `${a.A} has the ${a.O} already`);
    w.person(a.A).wants = arg(a, 'O');
  },
  go: (w, a) => move(w, arg(a, 'A'), arg(a, 'P')),
  goBoth: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    move(w, arg(a, 'A'), arg(a, 'P'));
    move(w, arg(a, 'B'), arg(a, 'P'));
  },
  meet: (w, a) => {
    must(w.person(a.A).at === a.P, `${a.A} is not at the ${a.P}`);
    const other = w.person(a.B);
    must(other.at === null || other.at === a.P, `${a.B} is not at the ${a.P}`);
    other.at = arg(a, 'P');
  },
  look: (w, a) => {
    const { at } = w.person(a.A);
    must(at === a.P, `${a.A} is not at the ${a.P}`);
    const thing = w.thing(a.O);
    must(thing.holder !== a.A && thing.at !== at, `the ${a.O} is right there`);
    w.lessons.add('looked');
  },
  find: (w, a) => {
    must(w.person(a.A).at === a.P, `${a.A} is not at the ${a.P}`);
    const { holder, at } = w.thing(a.O);
    must(holder === null, `${holder} has the ${a.O}`);
    must(at === null || at === a.P, `the ${a.O} is not at the ${a.P}`);
    receive(w, arg(a, 'A'), arg(a, 'O'));
    if (w.lessons.has('looked')) w.lessons.add('found');
  },
  pick: (w, a) => {
    const { at } = w.person(a.A);
    must(at !== null && w.thing(a.O).at === at, `the ${a.O} does not lie where ${a.A} is`);
    receive(w, arg(a, 'A'), arg(a, 'O'));
  },
  lose: (w, a) => {
    holds(w, arg(a, 'A'), arg(a, 'O'));
    w.thing(a.O).holder = null;
    w.person(a.A).wants = arg(a, 'O');
    setMood(w, arg(a, 'A'), 'bad', `${a.A} lost the ${a.O}`);
  },
  give: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    holds(w, arg(a, 'A'), arg(a, 'O'));
    receive(w, arg(a, 'B'), arg(a, 'O'));
    if (w.person(a.A).mood === null) setMood(w, arg(a, 'A'), 'good', `${a.A} gave the ${a.O} to ${a.B}`);
    w.helped.add(`${a.A}>${a.B}`);
    if (!w.wronged.has(`${a.A}>${a.B}`)) w.lessons.add('gave');
    if (w.asked?.B === a.A && w.asked?.O === a.O) w.asked = null;
  },
  trade: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    holds(w, arg(a, 'A'), arg(a, 'O'));
    holds(w, arg(a, 'B'), arg(a, 'Q'));
    receive(w, arg(a, 'B'), arg(a, 'O'));
    receive(w, arg(a, 'A'), arg(a, 'Q'));
    w.asked = null;
    w.lessons.add('gave');
  },
  ask: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    holds(w, arg(a, 'B'), arg(a, 'O'));
    w.asked = { A: arg(a, 'A'), B: arg(a, 'B'), O: arg(a, 'O'), promised: false };
  },
  yes: (w, a) => {
    must(w.asked !== null && w.asked.B === a.A && !w.asked.promised, `nobody asked ${a.A} for anything`);
    if (w.asked) w.asked.promised = true;
  },
  no: (w, a) => {
    const { asked } = w;
    must(asked !== null && asked.B === a.A && !asked.promised, `nobody asked ${a.A} for anything`);
    if (asked) setMood(w, asked.A, 'bad', `${a.A} said no`);
    w.asked = null;
  },
  leave: (w, a) => {
    holds(w, arg(a, 'A'), arg(a, 'O'));
    must(w.person(a.A).at === a.P, `${a.A} is not at the ${a.P}`);
    const thing = w.thing(a.O);
    thing.holder = null;
    thing.at = arg(a, 'P');
  },
  break: (w, a) => {
    holds(w, arg(a, 'A'), arg(a, 'O'));
    must(!w.thing(a.O).broken, `the ${a.O} is broken already`);
    w.thing(a.O).broken = true;
    setMood(w, arg(a, 'A'), 'bad', `the ${a.O} broke`);
  },
  mend: (w, a) => {
    const { holder, broken } = w.thing(a.O);
    must(broken, `the ${a.O} is not broken`);
    must(holder !== null, `nobody has the ${a.O}`);
    together(w, arg(a, 'A'), holder ?? '');
    w.thing(a.O).broken = false;
    setMood(w, holder ?? '', 'good', `${a.A} fixed the ${a.O}`);
    w.helped.add(`${a.A}>${holder}`);
    w.lessons.add('helped');
  },
  snatch: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    holds(w, arg(a, 'B'), arg(a, 'O'));
    w.thing(a.O).holder = arg(a, 'A');
    w.person(a.B).wants = arg(a, 'O');
    setMood(w, arg(a, 'B'), 'bad', `${a.A} took the ${a.O}`);
    w.wronged.add(`${a.A}>${a.B}`);
  },
  sorry: (w, a) => {
    must(w.wronged.has(`${a.A}>${a.B}`), `${a.A} did no wrong to ${a.B}`);
    together(w, arg(a, 'A'), arg(a, 'B'));
    w.sorry.add(`${a.A}>${a.B}`);
    w.asked = null;
    w.lessons.add('sorry');
  },
  forgive: (w, a) => {
    must(w.sorry.has(`${a.B}>${a.A}`), `${a.B} did not say sorry to ${a.A}`);
    w.wronged.delete(`${a.B}>${a.A}`);
  },
  thank: (w, a) => {
    must(w.helped.has(`${a.B}>${a.A}`), `${a.B} did nothing for ${a.A}`);
    together(w, arg(a, 'A'), arg(a, 'B'));
  },
  race: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    move(w, arg(a, 'A'), arg(a, 'P'));
    move(w, arg(a, 'B'), arg(a, 'P'));
    w.race = { A: arg(a, 'A'), B: arg(a, 'B'), P: arg(a, 'P') };
  },
  first: (w, a) => {
    const { race } = w;
    must(race !== null && (race.A === a.A || race.B === a.A), `${a.A} is in no race`);
    must(race?.A === a.B || race?.B === a.B, `${a.B} is in no race`);
    must(a.A !== a.B, `${a.A} cannot be first and last`);
    w.race = null;
    setMood(w, arg(a, 'A'), 'good', `${a.A} was first`);
    w.lessons.add('raced');
  },
  win: (w, a) => {
    must(w.lessons.has('raced') && w.person(a.A).why === `${a.A} was first`, `${a.A} won no race`);
    addThing(w, a).holder = arg(a, 'A');
  },
  play: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    const { holder, broken } = w.thing(a.O);
    must(holder === a.A || holder === a.B, `neither ${a.A} nor ${a.B} has the ${a.O}`);
    must(!broken, `the ${a.O} is broken`);
    for (const name of [arg(a, 'A'), arg(a, 'B')]) setMood(w, name, 'good', `${a.A} and ${a.B} played`);
    w.lessons.add('played');
  },
  enjoy: (w, a) => {
    holds(w, arg(a, 'A'), arg(a, 'O'));
    must(!w.thing(a.O).broken, `the ${a.O} is broken`);
  },
  feel: (w, a) => feel(w, arg(a, 'A'), arg(a, 'F')),
  feelBoth: (w, a) => {
    feel(w, arg(a, 'A'), arg(a, 'F'));
    feel(w, arg(a, 'B'), arg(a, 'F'));
  },
  smile: (w, a) => show(w, a, 'good'),
  cry: (w, a) => show(w, a, 'bad'),
  tremble: (w, a) => show(w, a, 'fear'),
  comfort: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    const { mood } = w.person(a.B);
    must(mood === 'bad' || mood === 'fear', `${a.B} needs no comfort`);
    must(!w.person(a.B).stuck, `${a.B} is still stuck`);
    setMood(w, arg(a, 'B'), 'good', `${a.A} was kind`);
    w.helped.add(`${a.A}>${a.B}`);
    w.lessons.add('helped');
  },
  offer: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    const { mood } = w.person(a.B);
    must(mood === 'bad' || mood === 'fear', `${a.B} needs no help`);
  },
  noise: (w, a) => setMood(w, arg(a, 'A'), 'fear', `${a.A} heard a noise`),
  stuck: (w, a) => {
    must(!w.person(a.A).stuck, `${a.A} is stuck already`);
    w.person(a.A).stuck = true;
    setMood(w, arg(a, 'A'), 'fear', `${a.A} was stuck`);
  },
  free: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    must(w.person(a.B).stuck, `${a.B} is not stuck`);
    w.person(a.B).stuck = false;
    setMood(w, arg(a, 'B'), 'good', `${a.A} helped ${a.B}`);
    w.helped.add(`${a.A}>${a.B}`);
    w.lessons.add('helped');
  },
  fine: (w) => {
    must(!w.raining, 'it is raining');
  },
  rain: (w) => {
    must(!w.raining, 'it is raining already');
    w.raining = true;
  },
  sun: (w) => {
    must(w.raining, 'it is not raining');
    w.raining = false;
  },
  has: (w, a) => holds(w, arg(a, 'A'), arg(a, 'O')),
  hold: (w, a) => {
    const thing = w.thing(a.O);
    w.person(a.A);
    must(thing.holder === null && thing.at === null, `the ${a.O} is with ${thing.holder ?? thing.at}`);
    must(!w.events.some(({ name, args }) => name === 'lose' && args.O === a.O), `the ${a.O} is lost`);
    thing.holder = arg(a, 'A');
  },
  stay: (w, a) => {
    must(w.thing(a.O).at === a.P, `the ${a.O} is not at the ${a.P}`);
  },
  friends: (w, a) => {
    const [one, two] = [arg(a, 'A'), arg(a, 'B')];
    together(w, one, two);
    must(
      !w.wronged.has(`${one}>${two}`) && !w.wronged.has(`${two}>${one}`),
      `${one} and ${two} are not friends`,
    );
    end(w);
  },
  homeBoth: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    move(w, arg(a, 'A'), 'home');
    move(w, arg(a, 'B'), 'home');
    end(w);
  },
  home: (w, a) => {
    move(w, arg(a, 'A'), 'home');
    end(w);
  },
  lessonGive: (w) => lesson(w, 'gave'),
  lessonHelp: (w) => lesson(w, 'helped'),
  lessonSorry: (w) => lesson(w, 'sorry'),
  lessonLook: (w) => lesson(w, 'found'),
  lessonPlay: (w) => lesson(w, 'played'),
  lessonRace: (w) => lesson(w, 'raced'),
  theEnd: (w) => end(w),
};

/** @param {World} w */
function end(w) {
  must(w.asked === null, 'a question is still open');
  must(w.race === null, 'the race is still open');
  const stuck = [...w.people].find(([, person]) => person.stuck);
  must(stuck === undefined, `${stuck?.[0]} is still stuck`);
  w.ended = true;
}

/** @param {World} w @param {string} what */
function lesson(w, what) {
  must(w.lessons.has(what), `nobody ${what} in this tale`);
  end(w);
}

/** Rules by name of the event. @type {Record<string, (w: World, a: Args) => string | null>} */
const RULES = Object.fromEntries(Object.entries(PLAIN_RULES).map(([name, plain]) => [name, rule(plain)]));
