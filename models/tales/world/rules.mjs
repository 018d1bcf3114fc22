// @ts-check
/**
 * What may happen in the world of the tales. Every event has one rule, which says what
 * must hold before it and changes the world. The teller may only tell events whose rule agrees, and the checker replays
 * a finished text by the same rules.
 *
 * Arguments: A, B, C people; O, Q things; P a place; K what somebody is; F a feeling; c, d colours of O and Q.
 */
import {
  addThing,
  arg,
  end,
  feel,
  holds,
  introduce,
  lesson,
  move,
  must,
  Refusal,
  receive,
  setMood,
  show,
  together,
} from './requirements.mjs';

/** @typedef {import('./world.mjs').World} World */
/** @typedef {import('./world.mjs').Args} Args */

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

/** Rules by name of the event. @type {Record<string, (w: World, a: Args) => string | null>} */
export const RULES = Object.fromEntries(
  Object.entries(PLAIN_RULES).map(([name, plain]) => [name, rule(plain)]),
);
