// @ts-check
/**
 * Documents out of tales: a conversation (asking for a tale, the tale, questions about it) or the tale alone.
 */
import { drawQuestions } from './world/questions.mjs';
import { tellTale } from './world/teller.mjs';

/** @typedef {import('./world/random.mjs').Random} Random */
/** @typedef {import('./world/teller.mjs').Tale} Tale */
/** @typedef {{ role: string, content: string }} Message */
/** @typedef {{ text: string } | { messages: Message[] }} Document */
/** What a prompt asks for: people by name, kinds of people, things with their colours. */
/** @typedef {{ people: string[], kinds: string[], things: { noun: string, color: string }[] }} Wish */

/** Of a hundred documents, this many are a tale alone. */
const ALONE_PERCENT = 10;
/** Questions of a document; fewer where the row is full. */
const MOST_QUESTIONS = 12;
/** Tokens of a row of the model, less what the estimate may be wrong by. */
const ROW_TOKENS = 253;

const REQUESTS = [
  'Tell me a story about $.',
  'Tell me a story about $.',
  'Tell me a tale about $.',
  'Please tell me a story about $.',
  'Can you tell me a story about $?',
  'Write a story about $.',
  'Write a short story about $.',
  'I want a story about $.',
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
 * @param {Random} random
 * @param {Tale} tale
 * @param {'thing' | 'any'} wanted `thing` asks for the hero and the first thing of the cast
 * @returns {{ prompt: string, wish: Wish }}
 */
export function drawPrompt(random, { cast, world }, wanted) {
  const [hero = '', friend = ''] = cast.people;
  const noun = cast.things.find((name) => world.things.has(name));
  const form = wanted === 'thing' ? 0 : random.below(20);
  if (form === 19) return { prompt: 'Tell me a story.', wish: { people: [], kinds: [], things: [] } };
  /** @type {Wish} */
  const wish = { people: [hero], kinds: [], things: [] };
  let topic = hero;
  if (form < 12 && noun !== undefined) {
    const color = world.thing(noun).color;
    wish.things.push({ noun, color });
    topic = `${hero} and a ${color} ${noun}`;
  } else if (form < 14 && noun !== undefined) {
    const { color } = world.thing(noun);
    const { kind } = world.person(hero);
    wish.people = [];
    wish.kinds.push(kind);
    wish.things.push({ noun, color });
    topic = `a ${kind} and a ${color} ${noun}`;
  } else if (form < 17) {
    wish.people.push(friend);
    topic = `${hero} and ${friend}`;
  }
  return { prompt: random.pick(REQUESTS).replace('$', topic), wish };
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
  const { prompt } = drawPrompt(random, tale, 'any');
  const messages = [
    { role: 'user', content: prompt },
    { role: 'assistant', content: tale.text },
  ];
  let tokens = 4 + estimateTokens(prompt) + estimateTokens(tale.text);
  for (const { question, answer } of drawQuestions(random, tale.world, MOST_QUESTIONS)) {
    tokens += 3 + estimateTokens(question) + estimateTokens(answer);
    if (tokens > ROW_TOKENS) break;
    messages.push({ role: 'user', content: question }, { role: 'assistant', content: answer });
  }
  return { document: { messages }, tale };
}
