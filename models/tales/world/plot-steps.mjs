// @ts-check
/** Steps that many plots share: how tales open, how people meet and how it ends. Letters as in plots.mjs. */
import { FEELINGS } from './words.mjs';

/** @typedef {import('./teller.mjs').Teller} Teller */

/** @param {Teller} t @param {string} A */
export function feeling(t, A) {
  const mood = t.world.person(A).mood;
  if (mood === null) return;
  const told = { good: 'smile', bad: 'cry', fear: 'tremble' };
  if (t.random.chance(25)) t.say(told[mood], { A });
  t.say('feel', { A, F: t.random.pick(FEELINGS[mood]) });
}

/** @param {Teller} t @param {string} A */
export function open(t, A) {
  t.say('intro', { A });
  if (t.random.chance(15)) t.say('fine');
}

/** @param {Teller} t @param {string} A @param {string} P */
export function start(t, A, P) {
  t.say(t.random.chance(50) ? 'be' : 'go', { A, P });
}

/** B comes into the tale where A is. @param {Teller} t @param {string} A @param {string} B */
export function join(t, A, B) {
  const P = t.world.person(A).at ?? '';
  t.say('friend', { A, B });
  t.say('meet', { A, B, P });
}

/** @type {Record<string, string>} */
const LESSON_EVENTS = {
  gave: 'lessonGive',
  helped: 'lessonHelp',
  sorry: 'lessonSorry',
  found: 'lessonLook',
  played: 'lessonPlay',
  raced: 'lessonRace',
};

/** The end follows from the state. @param {Teller} t @param {string} A @param {string} B @param {string} [O] */
export function close(t, A, B, O) {
  const { world, random } = t;
  if (O !== undefined && random.chance(30)) {
    const { holder, at } = world.thing(O);
    if (holder !== null) t.say('has', { A: holder, O });
    else if (at !== null) t.say('stay', { O, P: at });
  }
  const one = world.person(A);
  const two = world.person(B);
  if (one.mood !== null && one.mood === two.mood && random.chance(50)) {
    t.say('feelBoth', { A, B, F: random.pick(FEELINGS[one.mood]) });
  } else {
    if (two.feels === null && random.chance(60)) feeling(t, B);
    if (one.feels === null || random.chance(20)) feeling(t, A);
  }
  /** @type {(() => void)[]} */
  const endings = [];
  for (const [lesson, event] of Object.entries(LESSON_EVENTS)) {
    if (world.lessons.has(lesson)) endings.push(() => t.say(event));
  }
  const quarrel = world.wronged.has(`${A}>${B}`) || world.wronged.has(`${B}>${A}`);
  if (one.at !== null && one.at === two.at) {
    if (!quarrel && one.mood === 'good' && two.mood === 'good')
      endings.push(() => t.say('friends', { A, B }));
    if (!quarrel) endings.push(() => t.say('homeBoth', { A, B }));
  } else endings.push(() => t.say('home', { A }));
  endings.push(() => t.say('theEnd'));
  random.pick(endings)();
  if (world.events.at(-1)?.name !== 'theEnd' && random.chance(20)) t.say('theEnd');
}

/** @param {Teller} t @param {string} A @param {string} B @param {string} O */
export function comforted(t, A, B, O) {
  if (t.random.chance(30)) t.say('offer', { A: B, B: A });
  t.say('comfort', { A: B, B: A });
  t.maybe(50, 'thank', { A, B });
  close(t, A, B, O);
}
