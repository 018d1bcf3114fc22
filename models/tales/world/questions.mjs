// @ts-check
/**
 * Questions about a tale that was just told, with the one exact answer that follows from its world. Every answer is a
 * whole sentence that repeats the words of the question.
 */
/** @typedef {import('./world.mjs').World} World */
/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {{ kind: string, question: string, answer: string }} Question */

/**
 * Everything that can be asked about a tale.
 *
 * @param {World} world at the end of the tale
 * @returns {Question[]}
 */
export function allQuestions(world) {
  return [...aboutPeople(world), ...aboutThings(world), ...aboutEvents(world), ...yesOrNo(world)];
}

/** @param {World} world @returns {Question[]} */
function aboutPeople(world) {
  /** @type {Question[]} */
  const questions = [];
  for (const [name, { at, feels, why, kind }] of world.people) {
    questions.push({ kind: 'kind', question: `What is ${name}?`, answer: `${name} is a ${kind}.` });
    if (at !== null) {
      questions.push({ kind: 'place', question: `Where is ${name}?`, answer: `${name} is at the ${at}.` });
    }
    if (feels !== null) {
      questions.push({
        kind: 'feeling',
        question: `How did ${name} feel at the end?`,
        answer: `${name} was ${feels}.`,
      });
      if (why !== null) {
        questions.push({ kind: 'why', question: `Why was ${name} ${feels}?`, answer: `Because ${why}.` });
      }
    }
    const wanted = wantedBy(world, name);
    if (wanted !== null) {
      questions.push({
        kind: 'wanted',
        question: `What did ${name} want?`,
        answer: `${name} wanted the ${wanted}.`,
      });
    }
  }
  return questions;
}

/** @param {World} world @param {string} name @returns {string | null} */
function wantedBy({ events }, name) {
  const wanted = new Set(
    events.flatMap((event) => (event.name === 'want' && event.args.A === name ? [event.args.O ?? ''] : [])),
  );
  return wanted.size === 1 ? ([...wanted][0] ?? null) : null;
}

/** @param {World} world @returns {Question[]} */
function aboutThings(world) {
  /** @type {Question[]} */
  const questions = [];
  for (const [noun, { color, holder, at }] of world.things) {
    questions.push({
      kind: 'color',
      question: `What color is the ${noun}?`,
      answer: `The ${noun} is ${color}.`,
    });
    const where = `Where is the ${noun}?`;
    if (holder !== null) {
      questions.push({
        kind: 'holder',
        question: `Who has the ${noun}?`,
        answer: `${holder} has the ${noun}.`,
      });
      const place = world.people.get(holder)?.at ?? null;
      if (place !== null)
        questions.push({ kind: 'carried', question: where, answer: `The ${noun} is at the ${place}.` });
    } else {
      questions.push({
        kind: 'lies',
        question: where,
        answer: at === null ? `The ${noun} is lost.` : `The ${noun} is at the ${at}.`,
      });
    }
  }
  return questions;
}

/** Questions about one event; asked only where no other event fits. @type {[string, string, (a: Record<string, string>) => string, (a: Record<string, string>) => string][]} */
const EVENT_QUESTIONS = [
  ['first', 'winner', () => 'Who won the race?', (a) => `${a.A} won the race.`],
  ['find', 'finder', (a) => `Who found the ${a.O}?`, (a) => `${a.A} found the ${a.O}.`],
  ['give', 'giver', (a) => `Who gave the ${a.O} to ${a.B}?`, (a) => `${a.A} gave the ${a.O} to ${a.B}.`],
  ['lose', 'loser', (a) => `Who lost the ${a.O}?`, (a) => `${a.A} lost the ${a.O}.`],
  ['forget', 'forgetter', (a) => `Who forgot the ${a.O}?`, (a) => `${a.A} forgot the ${a.O}.`],
  ['mend', 'mender', (a) => `Who fixed the ${a.O}?`, (a) => `${a.A} fixed the ${a.O}.`],
  [
    'snatch',
    'taker',
    (a) => `Who took the ${a.O} from ${a.B}?`,
    (a) => `${a.A} took the ${a.O} from ${a.B}.`,
  ],
  ['free', 'helper', (a) => `Who helped ${a.B}?`, (a) => `${a.A} helped ${a.B}.`],
  ['comfort', 'comforter', (a) => `Who stayed with ${a.B}?`, (a) => `${a.A} stayed with ${a.B}.`],
];

/** @param {World} world @returns {Question[]} */
function aboutEvents({ events }) {
  /** @type {Map<string, { kind: string, answers: Set<string> }>} */
  const asked = new Map();
  for (const { name, args } of events) {
    for (const [event, kind, question, answer] of EVENT_QUESTIONS) {
      if (event !== name) continue;
      const entry = asked.get(question(args)) ?? { kind, answers: new Set() };
      entry.answers.add(answer(args));
      asked.set(question(args), entry);
    }
  }
  return [...asked].flatMap(([question, { kind, answers }]) =>
    answers.size === 1 ? [{ kind, question, answer: [...answers][0] ?? '' }] : [],
  );
}

/** Every fact with one question whose answer is yes and one whose answer is no. @param {World} world @returns {Question[]} */
function yesOrNo(world) {
  /** @type {Question[]} */
  const questions = [];
  const people = [...world.people];
  const places = [...new Set(world.events.flatMap(({ args }) => args.P ?? []))];
  for (const [name, { at }] of people) {
    const other = places.find((place) => place !== at);
    if (at === null || other === undefined) continue;
    const truth = `${name} is at the ${at}.`;
    questions.push({ kind: 'yesNo', question: `Is ${name} at the ${at}?`, answer: `Yes, ${truth}` });
    questions.push({ kind: 'yesNo', question: `Is ${name} at the ${other}?`, answer: `No, ${truth}` });
  }
  for (const [noun, { holder }] of world.things) {
    const other = people.find(([name]) => name !== holder)?.[0];
    if (holder === null || other === undefined) continue;
    const truth = `${holder} has the ${noun}.`;
    questions.push({ kind: 'yesNo', question: `Does ${holder} have the ${noun}?`, answer: `Yes, ${truth}` });
    questions.push({ kind: 'yesNo', question: `Does ${other} have the ${noun}?`, answer: `No, ${truth}` });
  }
  return questions;
}

/**
 * A few questions, each of another kind.
 *
 * @param {Random} random
 * @param {World} world
 * @param {number} count
 * @returns {Question[]}
 */
export function drawQuestions(random, world, count) {
  const all = allQuestions(world);
  const kinds = [...new Set(all.map(({ kind }) => kind))];
  return random
    .sample(kinds, Math.min(count, kinds.length))
    .map((kind) => random.pick(all.filter((question) => question.kind === kind)));
}
