// @ts-check
/**
 * Questions about a tale that was just told, with the one exact answer that follows from its world. Every answer is a
 * whole sentence that repeats the words of the question.
 */
import { being } from './words.mjs';

/** @typedef {import('./world.mjs').World} World */
/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {{ kind: string, question: string, answer: string }} Question */

/** How often a kind is drawn, against the others. @type {Record<string, number>} */
const WEIGHTS = {
  place: 4,
  holder: 4,
  lies: 4,
  carried: 2,
  feeling: 3,
  why: 2,
  wanted: 3,
  color: 2,
  kind: 2,
  yesNo: 2,
};

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
      questions.push({ kind: 'place', question: `Where is ${name}?`, answer: `${name} is ${being(at)}.` });
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
    events.flatMap((event) =>
      event.name.startsWith('want') && event.args.A === name ? [event.args.O ?? ''] : [],
    ),
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
        questions.push({ kind: 'carried', question: where, answer: `The ${noun} is ${being(place)}.` });
    } else {
      questions.push({
        kind: 'lies',
        question: where,
        answer: at === null ? `The ${noun} is lost.` : `The ${noun} is ${being(at)}.`,
      });
    }
  }
  return questions;
}

/** Questions about one event; asked only where no other event fits. @type {[string, string, (a: Record<string, string>) => string, (a: Record<string, string>) => string][]} */
const EVENT_QUESTIONS = [
  ['first', 'first', () => 'Who was first?', (a) => `${a.A} was first.`],
  ['find', 'finder', (a) => `Who found the ${a.O}?`, (a) => `${a.A} found the ${a.O}.`],
  [
    'find',
    'findPlace',
    (a) => `Where did ${a.A} find the ${a.O}?`,
    (a) => `${a.A} found the ${a.O} ${being(a.P ?? '')}.`,
  ],
  ['give', 'giver', (a) => `Who gave the ${a.O} to ${a.B}?`, (a) => `${a.A} gave the ${a.O} to ${a.B}.`],
  ['lose', 'loser', (a) => `Who lost the ${a.O}?`, (a) => `${a.A} lost the ${a.O}.`],
  ['mend', 'mender', (a) => `Who fixed the ${a.O}?`, (a) => `${a.A} fixed the ${a.O}.`],
  [
    'snatch',
    'taker',
    (a) => `Who took the ${a.O} from ${a.B}?`,
    (a) => `${a.A} took the ${a.O} from ${a.B}.`,
  ],
  ['free', 'helper', (a) => `Who helped ${a.B}?`, (a) => `${a.A} helped ${a.B}.`],
  ['comfort', 'comforter', (a) => `Who was kind to ${a.B}?`, (a) => `${a.A} was kind to ${a.B}.`],
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

/** @param {World} world @returns {Question[]} */
function yesOrNo(world) {
  /** @type {Question[]} */
  const questions = [];
  const people = [...world.people];
  for (const [name, { at }] of people) {
    if (at === null) continue;
    const truth = `${name} is ${being(at)}.`;
    const others = people.flatMap(([, other]) => (other.at !== null && other.at !== at ? [other.at] : []));
    for (const place of new Set([at, ...others])) {
      const answer = place === at ? `Yes, ${truth}` : `No, ${truth}`;
      questions.push({ kind: 'yesNo', question: `Is ${name} ${being(place)}?`, answer });
    }
  }
  for (const [noun, { holder }] of world.things) {
    if (holder === null) continue;
    for (const [name] of people) {
      const answer = `${name === holder ? 'Yes' : 'No'}, ${holder} has the ${noun}.`;
      questions.push({ kind: 'yesNo', question: `Does ${name} have the ${noun}?`, answer });
    }
  }
  return questions;
}

/** Questions of one kind among those drawn for a tale. */
const MOST_OF_A_KIND = 3;

/**
 * A few questions, none twice: a kind by its weight, then one of that kind.
 *
 * @param {Random} random
 * @param {World} world
 * @param {number} count
 * @returns {Question[]}
 */
export function drawQuestions(random, world, count) {
  let left = allQuestions(world);
  /** @type {Question[]} */
  const drawn = [];
  while (drawn.length < count && left.length > 0) {
    const kinds = [...new Set(left.map(({ kind }) => kind))];
    const kind = random.pick(kinds.flatMap((name) => Array(WEIGHTS[name] ?? 3).fill(name)));
    const question = random.pick(left.filter((candidate) => candidate.kind === kind));
    drawn.push(question);
    const most = kind === 'yesNo' ? 1 : MOST_OF_A_KIND;
    const isFull = drawn.filter((other) => other.kind === kind).length >= most;
    left = left.filter((candidate) => candidate !== question && !(isFull && candidate.kind === kind));
  }
  return drawn;
}
