// @ts-check
/**
 * What may happen in the world of the tales. Every event has one rule, which says what
 * must hold before it and changes the world. The teller may only tell events whose rule agrees, and the checker replays
 * a finished text by the same rules.
 *
 * Arguments: A, B people; O, Q things; P a place; K what somebody is; c the colour of O.
 */
import { CAUSES } from './causes.mjs';
import {
  addThing,
  arg,
  end,
  feel,
  holds,
  introduce,
  isAt,
  lesson,
  move,
  must,
  Refusal,
  receive,
  together,
  touch,
  upset,
} from './requirements.mjs';

/** @typedef {import('./world.mjs').World} World */
/** @typedef {import('./world.mjs').Args} Args */

/** A's and B's parts in one event, as causes of what they feel. @param {World} w @param {Args} a @param {string | null} forA @param {string | null} forB */
function touchBoth(w, a, forA, forB) {
  if (forA !== null) touch(w, forA, { ...a });
  if (forB !== null) touch(w, forB, { ...a, A: arg(a, 'B'), B: arg(a, 'A') });
}

/** @type {Record<string, (w: World, a: Args) => void>} */
const PLAIN_RULES = {
  intro: (w, a) => {
    must(w.people.size === 0, 'the tale has begun already');
    introduce(w, arg(a, 'A'), arg(a, 'K'));
  },
  friend: (w, a) => {
    if (a.A !== undefined) w.person(a.A);
    must(w.people.size > 0, 'nobody is in the tale yet');
    introduce(w, arg(a, 'B'), arg(a, 'K'));
  },
  own: (w, a) => addThing(w, a),
  color: (w, a) => {
    must(w.thing(a.O).color === a.c, `the ${a.O} is ${w.thing(a.O).color}, not ${a.c}`);
  },
  be: (w, a) => {
    const person = w.person(a.A);
    must(person.at === null || person.at === a.P, `${a.A} is not at the ${a.P}`);
    person.at = arg(a, 'P');
  },
  go: (w, a) => move(w, arg(a, 'A'), arg(a, 'P')),
  come: (w, a) => move(w, arg(a, 'A'), arg(a, 'P')),
  goBoth: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    move(w, arg(a, 'A'), arg(a, 'P'));
    move(w, arg(a, 'B'), arg(a, 'P'));
  },
  meet: (w, a) => {
    isAt(w, arg(a, 'A'), arg(a, 'P'));
    const other = w.person(a.B);
    must(a.A !== a.B, `${a.A} is one person`);
    must(other.at === null || other.at === a.P, `${a.B} is not at the ${a.P}`);
    other.at = arg(a, 'P');
  },
  greet: (w, a) => together(w, arg(a, 'A'), arg(a, 'B')),
  play: (w, a) => together(w, arg(a, 'A'), arg(a, 'B')),
  want: (w, a) => {
    w.person(a.A);
    must(w.thing(a.O).holder !== a.A, `${a.A} has the ${a.O} already`);
  },
  lose: (w, a) => {
    holds(w, arg(a, 'A'), arg(a, 'O'));
    w.thing(a.O).holder = null;
    touchBoth(w, a, 'lost', null);
  },
  look: (w, a) => {
    isAt(w, arg(a, 'A'), arg(a, 'P'));
    const { holder, at } = w.thing(a.O);
    must(holder !== a.A && at !== a.P, `the ${a.O} is right there`);
  },
  find: (w, a) => {
    isAt(w, arg(a, 'A'), arg(a, 'P'));
    const { holder, at } = w.thing(a.O);
    must(holder === null, `${holder} has the ${a.O}`);
    must(at === null || at === a.P, `the ${a.O} is not at the ${a.P}`);
    receive(w, arg(a, 'A'), arg(a, 'O'));
    touchBoth(w, a, 'found', null);
  },
  give: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    holds(w, arg(a, 'A'), arg(a, 'O'));
    must(w.asked === null || w.asked.promised, 'a question is still open');
    receive(w, arg(a, 'B'), arg(a, 'O'));
    touchBoth(w, a, 'gave', 'got');
    w.helped.add(`${a.A}>${a.B}`);
    w.lessons.add('gave');
    w.asked = null;
  },
  trade: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    holds(w, arg(a, 'A'), arg(a, 'O'));
    holds(w, arg(a, 'B'), arg(a, 'Q'));
    receive(w, arg(a, 'B'), arg(a, 'O'));
    receive(w, arg(a, 'A'), arg(a, 'Q'));
    touch(w, 'traded', { A: arg(a, 'A'), O: arg(a, 'Q') });
    touch(w, 'traded', { A: arg(a, 'B'), O: arg(a, 'O') });
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
    must(w.asked !== null && w.asked.B === a.A && !w.asked.promised, `nobody asked ${a.A} for anything`);
    touchBoth(w, { A: arg(a, 'A'), B: w.asked?.A ?? '' }, 'refuser', 'refused');
    w.asked = null;
  },
  forget: (w, a) => {
    holds(w, arg(a, 'A'), arg(a, 'O'));
    isAt(w, arg(a, 'A'), arg(a, 'P'));
    const thing = w.thing(a.O);
    thing.holder = null;
    thing.at = arg(a, 'P');
    touchBoth(w, a, 'forgot', null);
  },
  break: (w, a) => {
    holds(w, arg(a, 'A'), arg(a, 'O'));
    must(!w.thing(a.O).broken, `the ${a.O} is broken already`);
    w.thing(a.O).broken = true;
    upset(w, arg(a, 'A'));
  },
  mend: (w, a) => {
    const { holder, broken } = w.thing(a.O);
    must(broken && holder !== null, `the ${a.O} is not broken`);
    together(w, arg(a, 'A'), holder ?? '');
    w.thing(a.O).broken = false;
    touchBoth(w, { ...a, B: holder ?? '' }, 'mender', 'mended');
    w.helped.add(`${a.A}>${holder}`);
    w.lessons.add('helped');
  },
  snatch: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    holds(w, arg(a, 'B'), arg(a, 'O'));
    w.thing(a.O).holder = arg(a, 'A');
    touchBoth(w, a, 'robber', 'robbed');
    w.wronged.add(`${a.A}>${a.B}`);
  },
  sorry: (w, a) => {
    must(w.wronged.has(`${a.A}>${a.B}`), `${a.A} did no wrong to ${a.B}`);
    together(w, arg(a, 'A'), arg(a, 'B'));
    w.lessons.add('sorry');
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
    const other = race?.A === a.A ? race?.B : race?.A;
    touchBoth(w, { A: arg(a, 'A'), B: other ?? '' }, 'winner', 'runner');
    w.race = null;
    w.lessons.add('raced');
  },
  win: (w, a) => {
    must(w.person(a.A).cause?.name === 'winner', `${a.A} won no race`);
    addThing(w, a);
  },
  cry: (w, a) => must(w.person(a.A).isUpset, `${a.A} has no reason to cry`),
  comfort: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    must(w.person(a.B).isUpset, `${a.B} needs no comfort`);
    must(!w.person(a.B).stuck, `${a.B} is still stuck`);
    touchBoth(w, a, 'comforter', 'comforted');
    w.helped.add(`${a.A}>${a.B}`);
    w.lessons.add('helped');
  },
  help: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    must(w.person(a.B).isUpset, `${a.B} needs no help`);
    touchBoth(w, a, 'helper', null);
  },
  noise: (w, a) => upset(w, arg(a, 'A')),
  stuck: (w, a) => {
    const person = w.person(a.A);
    must(!person.stuck, `${a.A} is stuck already`);
    must(person.at === null || person.at === a.P, `${a.A} is not at the ${a.P}`);
    person.stuck = true;
    person.at = arg(a, 'P');
    upset(w, arg(a, 'A'));
  },
  free: (w, a) => {
    together(w, arg(a, 'A'), arg(a, 'B'));
    must(w.person(a.B).stuck, `${a.B} is not stuck`);
    w.person(a.B).stuck = false;
    touchBoth(w, a, 'helper', 'freed');
    w.helped.add(`${a.A}>${a.B}`);
    w.lessons.add('helped');
  },
  fine: () => {},
  has: (w, a) => holds(w, arg(a, 'A'), arg(a, 'O')),
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
  lessonGive: (w) => lesson(w, 'gave'),
  lessonHelp: (w) => lesson(w, 'helped'),
  lessonSorry: (w) => lesson(w, 'sorry'),
  lessonRace: (w) => lesson(w, 'raced'),
  theEnd: (w) => end(w),
  ...Object.fromEntries(
    Object.keys(CAUSES).map((cause) => [
      `feel:${cause}`,
      (/** @type {World} */ w, /** @type {Args} */ a) => feel(w, cause, a),
    ]),
  ),
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
