// @ts-check
/**
 * Documents out of tales: a conversation (asking for a tale, the tale, questions about it) or the tale alone.
 */
import { PLOTS } from './world/plots.mjs';
import { shuffledQuestions } from './world/questions.mjs';
import { tellTale } from './world/teller.mjs';

/** @typedef {import('./world/random.mjs').Random} Random */
/** @typedef {import('./world/teller.mjs').Tale} Tale */
/** @typedef {{ role: string, content: string }} Message */
/** @typedef {{ text: string } | { messages: Message[] }} Document */
/** @typedef {import('./check.mjs').Wish} Wish */

/** Of a hundred documents, this many are a tale alone. */
const ALONE_PERCENT = 5;
/** Of a hundred requests, this many name only the hero and the thing. */
const SHORT_PERCENT = 10;
/** Estimated tokens of a conversation at most: those of a row of the model, less what the estimate is wrong by. */
const ROW_TOKENS = 246;
/** Less room than this has no question and its answer. */
const LEAST_QUESTION_TOKENS = 13;

const REQUESTS = [
  'Tell me a story about $.',
  'Tell me a story about $.',
  'Tell me a story about $.',
  'Tell me a story about $.',
  'Tell me a story about $.',
  'Tell me a tale about $.',
  'Tell me a short story about $.',
  'Please tell me a story about $.',
  'Please tell me a tale about $.',
  'Can you tell me a story about $?',
  'Write a story about $.',
  'Write a short story about $.',
  'I want a story about $.',
  'Let me have a story about $.',
];
const TOPICS = [
  'It is about $.',
  'It is about $.',
  'It is about $.',
  'It is a story of $.',
  'There is $ in it.',
  'Let it be about $.',
];

/**
 * Tokens of a text, if every word and every run of signs is one.
 *
 * @param {string} text
 */
export function estimateTokens(text) {
  return text.match(/\w+|[^\w\s]+/g)?.length ?? 0;
}

/**
 * A request for a tale: the full one names everybody, things, places in their order and the plot, the short one the hero
 * and the thing.
 *
 * @param {Random} random
 * @param {Tale} tale
 * @param {'full' | 'short'} form
 * @returns {{ prompt: string, wish: Wish }}
 */
export function drawPrompt(random, { cast, plot }, form) {
  const things = cast.things.map((noun, i) => ({ noun, color: cast.colors[i] ?? '' }));
  const [O = '', Q] = things.map(({ noun, color }) => `a ${color} ${noun}`);
  const [hero = '', friend = ''] = cast.people;
  const request = random.pick(REQUESTS);
  if (form === 'short') {
    const wish = { people: [hero], things: things.slice(0, 1), places: [], topic: null };
    return { prompt: request.replace('$', `${hero} and ${O}`), wish };
  }
  const places = cast.places.map((place) => `the ${place}`).join(' and ');
  const who =
    Q === undefined
      ? random.pick([`${hero}, ${friend} and ${O}`, `${hero} and ${friend} with ${O}`])
      : `${hero} with ${O} and ${friend} with ${Q}`;
  const topic = PLOTS[plot]?.topic ?? '';
  const prompt = `${request.replace('$', `${who} at ${places}`)} ${random.pick(TOPICS).replace('$', topic)}`;
  return { prompt, wish: { people: cast.people, things, places: cast.places, topic } };
}

/**
 * One document.
 *
 * @param {Random} random
 * @param {'train' | 'test'} part
 * @returns {{ document: Document, tale: Tale }}
 */
export function drawDocument(random, part) {
  const tale = tellTale(random, part);
  if (random.chance(ALONE_PERCENT)) return { document: { text: tale.text }, tale };
  const { prompt } = drawPrompt(random, tale, random.chance(SHORT_PERCENT) ? 'short' : 'full');
  const messages = [
    { role: 'user', content: prompt },
    { role: 'assistant', content: tale.text },
  ];
  let room = ROW_TOKENS - 4 - estimateTokens(prompt) - estimateTokens(tale.text);
  let { nats } = random;
  for (const { question, answer } of shuffledQuestions(random, tale.world)) {
    const tokens = 3 + estimateTokens(question) + estimateTokens(answer);
    if (tokens <= room) {
      messages.push({ role: 'user', content: question }, { role: 'assistant', content: answer });
      room -= tokens;
      nats = random.nats;
    }
    if (room < LEAST_QUESTION_TOKENS) break;
  }
  random.nats = nats;
  return { document: { messages }, tale };
}
