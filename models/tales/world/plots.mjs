// @ts-check
/**
 * Plots: programs that let events happen, each with the words by which a request asks for it. A is the hero, a child, B
 * the friend, an animal; O the thing the tale is about, Q another; P and R are places. Who does what is fixed for each
 * plot: what is free comes from the request, or is a choice of words.
 */

/** @typedef {import('./teller.mjs').Teller} Teller */
/** @typedef {Record<'A' | 'B' | 'O' | 'Q' | 'P' | 'R', string>} Cast */
/** `sign` is the event by which a tale shows that it has this plot. */
/** @typedef {{ topic: string, sign: string, places: 1 | 2, things: 1 | 2, run: (t: Teller, cast: Cast) => void }} Plot */

/** Plots by name. @type {Record<string, Plot>} */
export const PLOTS = {
  gift: plot('a gift', 'give', 1, (t, { A, B, O, P }) => {
    t.own(A, O);
    meet(t, A, B, P);
    t.say('give', { A, B, O });
    t.maybe(70, 'thank', { A: B, B: A });
  }),
  surprise: plot('a surprise', 'give', 1, (t, { A, B, O, P }) => {
    t.own(B, O);
    meet(t, A, B, P);
    t.say('give', { A: B, B: A, O });
    t.maybe(70, 'thank', { A, B });
  }),
  lost: plot('a lost thing', 'lose', 2, (t, { A, B, O, P, R }) => {
    t.own(A, O);
    meet(t, A, B, P);
    t.say('lose', { A, O });
    t.maybe(50, 'cry', { A });
    t.say('goBoth', { A, B, P: R });
    t.say('find', { A: B, O, P: R });
    t.say('give', { A: B, B: A, O });
  }),
  wish: plot('a wish', 'want', 1, (t, { A, B, O, P }) => {
    t.own(A, O);
    t.say('want', { A: B, O });
    meet(t, A, B, P);
    t.say('ask', { A: B, B: A, O });
    t.say('yes', { A });
    t.say('give', { A, B, O });
  }),
  refusal: plot('a sad day', 'no', 1, (t, { A, B, O, P }) => {
    t.own(A, O);
    t.say('want', { A: B, O });
    meet(t, A, B, P);
    t.say('ask', { A: B, B: A, O });
    t.say('no', { A });
    t.maybe(50, 'cry', { A: B });
  }),
  quarrel: plot('a quarrel', 'snatch', 1, (t, { A, B, O, P }) => {
    t.own(A, O);
    meet(t, A, B, P);
    t.say('snatch', { A: B, B: A, O });
    t.maybe(50, 'cry', { A });
    t.say('sorry', { A: B, B: A });
  }),
  trade: plot(
    'a trade',
    'trade',
    1,
    (t, { A, B, O, Q, P }) => {
      t.own(A, O);
      t.own(B, Q);
      meet(t, A, B, P);
      t.say('trade', { A, B, O, Q });
    },
    2,
  ),
  race: plot('a race', 'race', 2, (t, { A, B, O, P, R }) => {
    meet(t, A, B, P);
    t.say('race', { A, B, P: R });
    t.say('first', { A });
    t.own(A, O, 'win');
  }),
  repair: plot('a broken thing', 'mend', 1, (t, { A, B, O, P }) => {
    t.own(A, O);
    meet(t, A, B, P);
    t.say('break', { A, O });
    t.maybe(50, 'cry', { A });
    t.say('mend', { A: B, O });
    t.maybe(50, 'thank', { A, B });
  }),
  rescue: plot('a rescue', 'free', 1, (t, { A, B, O, P }) => {
    t.own(B, O);
    t.say('stuck', { A: B, P });
    t.maybe(50, 'cry', { A: B });
    t.say('come', { A, P });
    t.say('free', { A, B });
    t.maybe(70, 'thank', { A: B, B: A });
  }),
  noise: plot('a noise', 'noise', 1, (t, { A, B, O, P }) => {
    t.own(A, O);
    t.say('go', { A, P });
    t.say('noise', { A });
    t.maybe(50, 'cry', { A });
    t.say('come', { A: B, P });
    t.say('comfort', { A: B, B: A });
  }),
  forgotten: plot('a forgotten thing', 'forget', 2, (t, { A, B, O, P, R }) => {
    t.own(A, O);
    meet(t, A, B, P);
    t.say('forget', { A, O, P });
    t.say('goBoth', { A, B, P: R });
    t.say('look', { A, O, P: R });
    t.say('help', { A: B, B: A });
  }),
};

/** @param {string} topic @param {string} sign @param {1 | 2} places @param {Plot['run']} steps between opening and end @param {1 | 2} [things] @returns {Plot} */
function plot(topic, sign, places, steps, things = 1) {
  return {
    topic,
    sign,
    places,
    things,
    run: (t, cast) => {
      const { A, B } = cast;
      t.say('intro', { A });
      t.maybe(20, 'fine');
      t.say('friend', { A, B });
      steps(t, cast);
      close(t, cast);
    },
  };
}

/** @param {Teller} t @param {string} A @param {string} B @param {string} P */
function meet(t, A, B, P) {
  t.say(t.random.chance(50) ? 'be' : 'go', { A, P });
  t.say('meet', { A, B, P });
  t.maybe(20, 'greet', { A, B });
  t.maybe(15, 'play', { A, B });
}

/** @type {Record<string, string>} */
const LESSON_EVENTS = {
  gave: 'lessonGive',
  helped: 'lessonHelp',
  sorry: 'lessonSorry',
  raced: 'lessonRace',
};

/** The end follows from the state: who feels how, who has the thing or where it is. @param {Teller} t @param {Cast} cast */
function close(t, { A, B, O }) {
  const { world, random } = t;
  for (const name of [A, B]) {
    const { cause } = world.person(name);
    if (cause !== null) t.say(`feel:${cause.name}`, { ...cause.args });
  }
  const { holder, at } = world.thing(O);
  if (holder !== null) t.say('has', { A: holder, O });
  else if (at !== null) t.say('stay', { O, P: at });
  const lessons = [...world.lessons].map((lesson) => LESSON_EVENTS[lesson] ?? '');
  const isQuarrel = world.wronged.size > 0;
  const ending = random.pick([...lessons, ...(isQuarrel ? [] : ['friends']), 'theEnd', 'theEnd']);
  t.say(ending, ending === 'friends' ? { A, B } : {});
  if (ending !== 'theEnd') t.maybe(20, 'theEnd');
}
