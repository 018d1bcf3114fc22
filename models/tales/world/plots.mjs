// @ts-check
/**
 * Plots: programs that let events happen, with random turns. A is the hero, B a friend, C a third one; O the thing the
 * tale is about, Q another; P, R and S are places.
 */
import { close, comforted, feeling, join, open, start } from './plot-steps.mjs';

/** @typedef {import('./teller.mjs').Teller} Teller */
/** @typedef {import('./teller.mjs').Cast} Cast */

/** Plots by name. @type {Record<string, (t: Teller, cast: Cast) => void>} */
export const PLOTS = {
  lost: (t, cast) => {
    const { A, B, O, Q, P, R } = letters(cast);
    open(t, A);
    t.say('own', { A, O });
    t.maybe(30, 'enjoy', { A, O });
    start(t, A, P);
    t.say('lose', { A, O });
    if (t.random.chance(60)) feeling(t, A);
    const turn = t.random.below(4);
    if (turn === 0) {
      t.maybe(70, 'look', { A, O, P });
      t.say('go', { A, P: R });
      t.say('find', { A, O, P: R });
      join(t, A, B);
      if (t.random.chance(60)) t.say('play', { A, B, O });
    } else {
      join(t, A, B);
      t.maybe(50, 'offer', { A: B, B: A });
      if (turn === 1) {
        t.say('goBoth', { A, B, P: R });
        t.say('find', { A: B, O, P: R });
        t.say('give', { A: B, B: A, O });
        t.maybe(60, 'thank', { A, B });
      } else if (turn === 2) {
        t.say('look', { A: B, O, P });
        t.say('own', { A: B, O: Q });
        t.say('give', { A: B, O: Q, B: A });
        t.say('comfort', { A: B, B: A });
      } else {
        t.say('goBoth', { A, B, P: R });
        t.say('look', { A, O, P: R });
        return comforted(t, A, B, O);
      }
    }
    close(t, A, B, O);
  },
  wish: (t, cast) => {
    const { A, B, O, Q, P } = letters(cast);
    open(t, A);
    start(t, A, P);
    t.say('want', { A, O });
    if (t.random.chance(50)) {
      t.say('friend', { A, B });
      t.say('meet', { A, B, P });
    } else {
      t.say('friend', { A, B });
      t.say('go', { A: B, P });
    }
    t.say('hold', { A: B, O });
    t.say('ask', { A, B, O });
    const turn = t.random.below(4);
    if (turn === 0) {
      t.maybe(60, 'yes', { A: B });
      t.say('give', { A: B, B: A, O });
      t.maybe(60, 'thank', { A, B });
    } else {
      t.say('no', { A: B });
      feeling(t, A);
      if (turn === 1) {
        t.say('own', { A, O: Q });
        t.say('trade', { A, B, O: Q, Q: O });
      } else if (turn === 2) {
        t.say('give', { A: B, B: A, O });
        t.maybe(60, 'thank', { A, B });
      } else return comforted(t, A, B, O);
    }
    close(t, A, B, O);
  },
  trade: (t, cast) => {
    const { A, B, O, Q, P } = letters(cast);
    open(t, A);
    t.say('own', { A, O });
    t.say('friend', { A, B });
    t.say('own', { A: B, O: Q });
    if (t.random.chance(60)) t.say('wantThe', { A, O: Q });
    start(t, A, P);
    t.say('meet', { A, B, P });
    t.say('ask', { A, B, O: Q });
    if (t.random.chance(70)) {
      t.maybe(50, 'yes', { A: B });
      t.say('trade', { A, B, O, Q });
    } else {
      t.say('no', { A: B });
      if (t.random.chance(60)) feeling(t, A);
      if (t.random.chance(50)) return comforted(t, A, B, O);
      t.say('play', { A, B, O });
    }
    close(t, A, B, O);
  },
  race: (t, cast) => {
    const { A, B, O, P, R } = letters(cast);
    open(t, A);
    t.say('friend', { A, B });
    start(t, A, P);
    t.say('meet', { A, B, P });
    t.say('race', { A, B, P: R });
    const [winner, other] = t.random.chance(50) ? [A, B] : [B, A];
    t.say('first', { A: winner, B: other });
    t.say('win', { A: winner, O });
    feeling(t, winner);
    const turn = t.random.below(4);
    if (turn < 2) t.say('play', { A: winner, B: other, O });
    else if (turn === 2) t.say('give', { A: winner, B: other, O });
    close(t, A, B, O);
  },
  hide: (t, cast) => {
    const { A, B, O, P, R, S } = letters(cast);
    open(t, A);
    t.say('own', { A, O });
    t.say('friend', { A, B });
    t.say('go', { A, P });
    t.say('leave', { A, O, P });
    t.say('be', { A: B, P: R });
    t.say('wantThe', { A: B, O });
    if (t.random.chance(50)) {
      t.say('look', { A: B, O, P: R });
    }
    if (t.random.chance(65)) {
      t.say('go', { A: B, P });
      t.say('find', { A: B, O, P });
      const turn = t.random.below(4);
      if (turn < 2) t.say('give', { A: B, B: A, O });
      else if (turn === 2) t.say('play', { A, B, O });
    } else {
      t.say('go', { A: B, P: S });
      t.say('look', { A: B, O, P: S });
      t.say('stay', { O, P });
    }
    close(t, A, B);
  },
  gift: (t, cast) => {
    const { A, B, O, P, R } = letters(cast);
    open(t, A);
    t.say('friend', { A, B });
    if (t.random.chance(60)) t.say('want', { A: B, O });
    t.say('go', { A, P });
    if (t.world.things.has(O)) t.say('find', { A, O, P });
    else {
      t.say('spot', { A, O, P });
      t.say('pick', { A, O });
    }
    t.say('go', { A, P: R });
    t.say('meet', { A, B, P: R });
    t.say('give', { A, B, O });
    t.maybe(60, 'thank', { A: B, B: A });
    if (t.random.chance(30)) t.say('play', { A: B, B: A, O });
    close(t, A, B, O);
  },
  broken: (t, cast) => {
    const { A, B, O, Q, P } = letters(cast);
    open(t, A);
    t.say('own', { A, O });
    t.maybe(30, 'enjoy', { A, O });
    start(t, A, P);
    t.say('break', { A, O });
    if (t.random.chance(60)) feeling(t, A);
    join(t, A, B);
    t.maybe(40, 'offer', { A: B, B: A });
    const turn = t.random.below(3);
    if (turn === 0) {
      t.say('own', { A: B, O: Q });
      t.say('give', { A: B, B: A, O: Q });
      return comforted(t, A, B, Q);
    }
    if (turn === 1) return comforted(t, A, B, O);
    t.say('mend', { A: B, O });
    t.maybe(50, 'thank', { A, B });
    t.maybe(40, 'play', { A, B, O });
    close(t, A, B, O);
  },
  snatch: (t, cast) => {
    const { A, B, O, P } = letters(cast);
    open(t, A);
    t.say('own', { A, O });
    t.say('friend', { A, B });
    start(t, A, P);
    t.say('meet', { A, B, P });
    t.say('snatch', { A: B, B: A, O });
    feeling(t, A);
    const turn = t.random.below(3);
    if (turn === 0) return close(t, A, B, O);
    if (t.random.chance(40)) t.say('ask', { A, B, O });
    t.say('sorry', { A: B, B: A });
    t.say('give', { A: B, B: A, O });
    t.say('forgive', { A, B });
    if (turn === 1) t.say('play', { A, B, O });
    close(t, A, B, O);
  },
  stuck: (t, cast) => {
    const { A, B, C, O, P, R } = letters(cast);
    open(t, A);
    t.say('friend', { A, B });
    t.say('be', { A: B, P });
    t.say('stuck', { A: B });
    if (t.random.chance(60)) feeling(t, B);
    if (t.random.chance(50)) t.say('be', { A, P: R });
    t.say('go', { A, P });
    t.maybe(40, 'offer', { A, B });
    t.say('free', { A, B });
    t.maybe(60, 'thank', { A: B, B: A });
    const turn = t.random.below(4);
    if (turn < 2) {
      t.say('own', { A: B, O });
      t.say('give', { A: B, B: A, O });
    } else if (turn === 2) {
      t.say('friend', { A, B: C });
      t.say('own', { A: C, O });
    }
    close(t, A, B);
  },
  night: (t, cast) => {
    const { A, B, O, P, R } = letters(cast);
    open(t, A);
    t.say('go', { A, P });
    t.say('noise', { A });
    feeling(t, A);
    t.say('friend', { A, B });
    if (t.random.chance(50)) t.say('be', { A: B, P: R });
    t.say('go', { A: B, P });
    t.say('own', { A: B, O });
    if (t.random.chance(50)) t.say('give', { A: B, B: A, O });
    return comforted(t, A, B, O);
  },
  forgot: (t, cast) => {
    const { A, B, O, P, R } = letters(cast);
    open(t, A);
    t.say('own', { A, O });
    t.say('go', { A, P });
    t.say('leave', { A, O, P });
    t.say('go', { A, P: R });
    join(t, A, B);
    t.say('wantThe', { A, O });
    const turn = t.random.below(3);
    if (turn === 0) {
      t.say('look', { A, O, P: R });
      t.say('stay', { O, P });
      return close(t, A, B);
    }
    if (turn === 1) t.say('goBoth', { A, B, P });
    else t.say('go', { A, P });
    t.say('find', { A, O, P });
    close(t, A, B, O);
  },
  bring: (t, cast) => {
    const { A, B, C, O, P, R } = letters(cast);
    open(t, A);
    t.say('own', { A, O });
    t.say('friend', { A, B });
    t.say('wantThe', { A: B, O });
    t.say('be', { A: B, P });
    if (t.random.chance(25)) t.say('rain');
    t.say('go', { A, P });
    t.say('give', { A, B, O });
    t.maybe(60, 'thank', { A: B, B: A });
    if (t.world.raining) t.maybe(60, 'sun');
    if (t.random.chance(40)) {
      t.say('go', { A: B, P: R });
      t.say('friend', { A: B, B: C });
      t.say('meet', { A: B, B: C, P: R });
      t.say('give', { A: B, B: C, O });
    }
    close(t, A, B, O);
  },
  both: (t, cast) => {
    const { A, B, O, P } = letters(cast);
    open(t, A);
    t.say('friend', { A, B });
    t.say('lie', { O, P });
    t.say('wantThe', { A, O });
    t.say('wantThe', { A: B, O });
    const [winner, other] = t.random.chance(50) ? [A, B] : [B, A];
    t.say('go', { A: winner, P });
    t.say('pick', { A: winner, O });
    t.say('go', { A: other, P });
    const turn = t.random.below(3);
    if (turn === 0) t.say('play', { A: winner, B: other, O });
    else {
      t.say('ask', { A: other, B: winner, O });
      if (turn === 1) {
        t.maybe(50, 'yes', { A: winner });
        t.say('give', { A: winner, B: other, O });
      } else {
        t.say('no', { A: winner });
        feeling(t, other);
      }
    }
    close(t, A, B, O);
  },
  lend: (t, cast) => {
    const { A, B, O, P, R } = letters(cast);
    open(t, A);
    t.say('own', { A, O });
    start(t, A, P);
    join(t, A, B);
    t.say('ask', { A: B, B: A, O });
    t.maybe(50, 'yes', { A });
    t.say('give', { A, B, O });
    const turn = t.random.below(3);
    if (turn === 0) t.say('play', { A: B, B: A, O });
    else if (turn === 1) {
      t.say('go', { A: B, P: R });
      t.say('lose', { A: B, O });
      t.maybe(50, 'look', { A: B, O, P: R });
      feeling(t, B);
    } else {
      t.say('enjoy', { A: B, O });
      t.say('give', { A: B, B: A, O });
    }
    close(t, A, B, O);
  },
};

/** @param {Cast} cast */
function letters({ people, things, places }) {
  const [A = '', B = '', C = ''] = people;
  const [O = '', Q = ''] = things;
  const [P = '', R = '', S = ''] = places;
  return { A, B, C, O, Q, P, R, S };
}
