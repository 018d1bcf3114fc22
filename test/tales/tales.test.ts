/** The data of "tales": the same every time, consistent, and without what it holds out. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  allQuestions,
  checkTale,
  countFrames,
  isHeldOut,
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
    '2b70121212786f9dbf97b5b9b08f144c894f0679c5ec07a5a25cd294a141cf37',
  );
  assert.equal(
    hash(JSON.stringify(testItems(1, 20))),
    '648eac1040bf1dd51a6b7712ad5dd47e9c9ab00ef0d4105cff5d5221517f4596',
  );
  assert.notDeepEqual([...trainingLines(2, 3, [])], [...trainingLines(1, 3, [])]);
});

test('there are thousands of frames, and every plot occurs', () => {
  const { written, expanded } = countFrames();
  assert.ok(written >= 300, `${written} frames`);
  assert.ok(expanded >= 1500, `${expanded} frames with their choices`);
  assert.deepEqual(
    new Set([...trainTales, ...testTales].map(({ plot }) => plot)),
    new Set(Object.keys(PLOTS)),
  );
});

test('training documents have no held-out pair, test items have one in the prompt', () => {
  assert.deepEqual([...trainingLines(3, 400, [])].flatMap(pairsIn), []);
  for (const { prompt, wish, heldOut, tale } of testItems(3, 40)) {
    const [hero] = wish.people;
    const thing = wish.things[0]?.noun;
    assert.ok(heldOut.some(([name, noun]) => name === hero && noun === thing));
    assert.ok(pairsIn(prompt).length > 0 && pairsIn(tale).length > 0, prompt);
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
    const { places, holders, feelings, lying } = replay(world.events);
    for (const { kind, question, answer } of allQuestions(world)) {
      const subject = /(\w+)( now| feel at the end)?\?$/.exec(question)?.[1] ?? '';
      const expected = {
        place: () =>
          answer.endsWith(places.get(subject) === 'home' ? 'at home.' : `the ${places.get(subject)}.`),
        holder: () => answer === `${holders.get(subject)} has the ${subject}.`,
        lies: () => answer.endsWith(lying.has(subject) ? `the ${lying.get(subject)}.` : 'is lost.'),
        feeling: () => answer === `${subject} was ${feelings.get(subject)}.`,
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
