/** The data of "tales": the same every time, consistent, and without what it holds out. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  allQuestions,
  checkTale,
  countFrames,
  drawDocument,
  estimateTokens,
  hasHeldOutPair,
  isHeldOut,
  KIND_OF,
  lackOf,
  type Message,
  NAMES,
  PLACES,
  PLOTS,
  Random,
  type Tale,
  THINGS,
  tellTale,
  testItems,
  trainingLines,
} from './modules.ts';
import { replay } from './replay.ts';

const TALES = 120;

const trainTales = tell('train');
const testTales = tell('test');

function tell(part: 'train' | 'test'): Tale[] {
  return Array.from({ length: TALES }, (_, i) => tellTale(new Random(`${part} ${i}`), part));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function wordsOf(text: string, words: readonly string[]): string[] {
  const present = new Set(text.match(/\w+/g));
  return words.filter((word) => present.has(word));
}

/** Held-out pairs that occur in a text, by its words alone. */
function pairsIn(text: string): string[] {
  const things = wordsOf(text, THINGS);
  return things.flatMap((thing) => [
    ...wordsOf(text, NAMES).flatMap((name) => (isHeldOut(name, thing) ? [`${name} ${thing}`] : [])),
    ...wordsOf(text, PLACES).flatMap((place) => (isHeldOut(thing, place) ? [`${thing} ${place}`] : [])),
  ]);
}

test('one seed gives the same documents on every machine, another seed others', () => {
  assert.equal(
    hash([...trainingLines(1, 100, ['A piece.'])].join('\n')),
    '61d2f4689270fd62e953d340efa88bbe2ef30115fd148ffb6ccedb8784b5a0ae',
  );
  assert.equal(
    hash(JSON.stringify(testItems(1, 20))),
    'dd1314057b84adeb3338ba556506b1bbccda65b876b556791c79c3665de6ce03',
  );
  assert.notDeepEqual([...trainingLines(2, 3, [])], [...trainingLines(1, 3, [])]);
});

test('there are thousands of frames, and every plot occurs', () => {
  const { written, expanded } = countFrames();
  assert.ok(written >= 290, `${written} frames`);
  assert.ok(expanded >= 3500, `${expanded} frames with their choices`);
  assert.deepEqual(
    new Set([...trainTales, ...testTales].map(({ plot }) => plot)),
    new Set(Object.keys(PLOTS)),
  );
});

test('training documents have no held-out pair, test items have one in the prompt', () => {
  assert.deepEqual([...trainingLines(3, 400, [])].flatMap(pairsIn), []);
  const pieces = [...trainTales, ...testTales].map(({ text }) => text);
  for (const piece of pieces) assert.equal(hasHeldOutPair(piece), pairsIn(piece).length > 0);
  for (const { prompt, wish, heldOut, tale } of testItems(3, 40)) {
    const [hero] = wish.people;
    const thing = wish.things[0]?.noun;
    assert.ok(heldOut.some(([name, noun]) => name === hero && noun === thing));
    assert.ok(pairsIn(prompt).length > 1 && pairsIn(tale).length > 1, prompt);
    const verdict = checkTale(tale);
    assert.ok(verdict.ok);
    assert.equal(lackOf(verdict.world, wish), null);
    assert.ok([...wish.people, ...wish.places].every((word) => prompt.includes(word)));
  }
});

test('a name is always the same child or animal, and everybody feels something for a reason that is told', () => {
  for (const { text, world } of [...trainTales, ...testTales]) {
    for (const [name, { kind, feels, why }] of world.people) {
      assert.equal(kind, KIND_OF.get(name));
      assert.ok(text.includes(`${name} was ${feels} because ${why}.`), text);
      assert.equal(text.split(`${name} was `).length, 2, text);
    }
    for (const [noun, { color }] of world.things) assert.ok(text.includes(`The ${noun} was ${color}.`), text);
  }
});

test('a document has about 0.3 nats of choice in a token, and a conversation fills the row of the model', () => {
  let nats = 0;
  let tokens = 0;
  for (let i = 0; i < 300; i++) {
    const random = new Random(`entropy ${i}`);
    const { messages, text = '' } = drawDocument(random, 'train').document;
    const length = (messages ?? [{ content: text }]).reduce(
      (sum, { content }) => sum + 1 + estimateTokens(content),
      1,
    );
    assert.ok(length < 250, `${length} tokens`);
    if (messages !== undefined) assert.ok(length >= 225, `${length} tokens`);
    nats += random.nats;
    tokens += length;
  }
  assert.ok(nats / tokens > 0.2 && nats / tokens < 0.36, `${nats / tokens} nats a token`);
});

test('no document asks a question twice, and no answer begins with a name', () => {
  for (const line of trainingLines(5, 100, [])) {
    const { messages = [] } = JSON.parse(line) as { messages?: Message[] };
    const questions = messages.filter(({ role }) => role === 'user').map(({ content }) => content);
    assert.equal(new Set(questions).size, questions.length);
    for (const { role, content } of messages)
      assert.ok(role === 'user' || !NAMES.includes(/^\w+/.exec(content)?.[0] ?? ''), content);
  }
});

test('what npm start asks is among what is trained', () => {
  assert.ok(!isHeldOut('Lily', 'kite'));
  let asked = 0;
  for (const line of trainingLines(6, 1500, [])) {
    const { messages = [] } = JSON.parse(line) as { messages?: Message[] };
    if (!/^Tell me a story about Lily and a \w+ \w+\.$/.test(messages[0]?.content ?? '')) continue;
    asked += messages.filter(({ content }) => content === 'Where is Lily?').length;
  }
  assert.ok(asked > 0);
});

test('half of the questions that can be answered yes or no have each answer', () => {
  for (const { world } of trainTales) {
    const answers = allQuestions(world).filter(({ kind }) => kind === 'yesNo');
    const yes = answers.filter(({ answer }) => answer.startsWith('Yes'));
    assert.equal(2 * yes.length, answers.length);
  }
});

test('the checker reads back every tale, with the same world', () => {
  for (const { text, world } of [...trainTales, ...testTales]) {
    const verdict = checkTale(text);
    assert.ok(verdict.ok, `${text}\n${verdict.ok ? '' : verdict.reason}`);
    assert.deepEqual(allQuestions(verdict.world), allQuestions(world));
  }
});

test('answers agree with an independent replay of the events', () => {
  let compared = 0;
  for (const { text, world } of [...trainTales, ...testTales]) {
    const { places, holders, lying } = replay(world.events);
    for (const { kind, question, answer } of allQuestions(world)) {
      const subject = /(\w+)( feel at the end)?\?$/.exec(question)?.[1] ?? '';
      const expected = {
        place: () => answer === `Now ${subject} is at the ${places.get(subject)}.`,
        holder: () => answer === `Now ${holders.get(subject)} has the ${subject}.`,
        lies: () => answer.endsWith(lying.has(subject) ? `the ${lying.get(subject)}.` : 'is lost.'),
        carried: () => answer.endsWith(`at the ${places.get(holders.get(subject) ?? '')}.`),
        feeling: () => text.includes(`${answer.slice('At the end '.length, -1)} because `),
        why: () =>
          text.includes(
            `${/^Why (\w+) (.*)\?$/
              .exec(question)
              ?.slice(1)
              .join(' ')
              .replace(/^was (\w+)/, '$1 was')} b${answer.slice(1)}`,
          ),
        color: () => text.includes(`a ${/is (\w+)\.$/.exec(answer)?.[1]} ${subject}`),
      }[kind];
      if (expected === undefined) continue;
      compared += 1;
      assert.ok(expected(), `${text}\n${question} ${answer}`);
    }
  }
  assert.ok(compared > 1000, `${compared} answers`);
});

test('a document is a conversation that alternates, or a tale', () => {
  for (const line of trainingLines(4, 50, [])) {
    const { messages, text } = JSON.parse(line) as { messages?: Message[]; text?: string };
    assert.equal(messages === undefined, text !== undefined);
    messages?.forEach(({ role }, i) => {
      assert.equal(role, i % 2 === 0 ? 'user' : 'assistant');
    });
    assert.ok(checkTale(text ?? messages?.[1]?.content ?? '').ok);
  }
});
