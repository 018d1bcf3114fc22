// @ts-check
/**
 * Questions about a tale that was just told, with the one exact answer that follows from its world. Answers repeat
 * the words of the question, and none begins with a name: names are one token behind a blank only.
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
    questions.push({ kind: 'kind', question: `What is ${name}?`, answer: `A ${kind} named ${name}.` });
    questions.push({ kind: 'named', question: `Who is the ${kind}?`, answer: `The ${kind} is ${name}.` });
    if (at !== null) {
      const answer = `Now ${name} is at the ${at}.`;
      questions.push({ kind: 'place', question: `Where is ${name}?`, answer });
    }
    if (feels !== null) {
      questions.push({
        kind: 'feeling',
        question: `How did ${name} feel at the end?`,
        answer: `At the end ${name} was ${feels}.`,
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
        answer: `It was the ${wanted} that ${name} wanted.`,
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
        answer: `Now ${holder} has the ${noun}.`,
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

/** Questions who it was, by what was done; asked only where no other event fits. @type {[event: string, kind: string, deed: (a: Record<string, string>) => string][]} */
const EVENT_QUESTIONS = [
  ['first', 'winner', () => 'won the race'],
  ['find', 'finder', (a) => `found the ${a.O}`],
  ['give', 'giver', (a) => `gave the ${a.O} to ${a.B}`],
  ['lose', 'loser', (a) => `lost the ${a.O}`],
  ['forget', 'forgetter', (a) => `forgot the ${a.O}`],
  ['mend', 'mender', (a) => `fixed the ${a.O}`],
  ['snatch', 'taker', (a) => `took the ${a.O} from ${a.B}`],
  ['sorry', 'sorry', (a) => `said sorry to ${a.B}`],
  ['free', 'helper', (a) => `helped ${a.B}`],
  ['comfort', 'comforter', (a) => `stayed with ${a.B}`],
  ['want', 'wisher', (a) => `wanted the ${a.O}`],
  ['no', 'refuser', () => 'said no'],
  ['noise', 'hearer', () => 'heard a noise'],
];

/** @param {World} world @returns {Question[]} */
function aboutEvents({ events }) {
  /** @type {Map<string, { kind: string, answers: Set<string> }>} */
  const asked = new Map();
  for (const { name, args } of events) {
    for (const [event, kind, deed] of EVENT_QUESTIONS) {
      if (event !== name) continue;
      const question = `Who ${deed(args)}?`;
      const entry = asked.get(question) ?? { kind, answers: new Set() };
      entry.answers.add(`It was ${args.A} who ${deed(args)}.`);
      asked.set(question, entry);
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
 * All questions, each once, in random order: one of every kind before the second of any.
 *
 * @param {Random} random
 * @param {World} world
 * @returns {Generator<Question>}
 */
export function* shuffledQuestions(random, world) {
  const left = new Set(allQuestions(world));
  while (left.size > 0) {
    const kinds = [...new Set([...left].map(({ kind }) => kind))];
    while (kinds.length > 0) {
      const [kind] = kinds.splice(random.below(kinds.length), 1);
      const question = random.pick([...left].filter((other) => other.kind === kind));
      left.delete(question);
      yield question;
    }
  }
}

/**
 * A few questions, of as many kinds as there are.
 *
 * @param {Random} random
 * @param {World} world
 * @param {number} count
 * @returns {Question[]}
 */
export function drawQuestions(random, world, count) {
  /** @type {Question[]} */
  const drawn = [];
  for (const question of shuffledQuestions(random, world)) {
    if (drawn.push(question) === count) break;
  }
  return drawn;
}
