/** The checker of "tales" on tales that cannot be true. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTale, FEELINGS, NAMES, PLACES, Random, THINGS, tellTale } from './modules.ts';

const TALE =
  'Once upon a time there was a girl named Mia. Mia had a red kite. Mia went to the park. But then Mia lost the kite. ' +
  'Mia was sad. Mia had a friend, a fox named Ben. There Mia met Ben at the park. Mia and Ben went to the school together. ' +
  'Ben found the kite at the school. He gave the red kite to Mia. "Thank you, Ben," said Mia. Mia was happy. ' +
  'From that day on Mia and Ben were friends.';

test('a tale that can be true passes', () => {
  const verdict = checkTale(TALE);
  assert.ok(verdict.ok);
  assert.equal(verdict.world.people.get('Mia')?.feels, 'happy');
});

const CONTRADICTIONS: readonly [what: string, from: string, to: string, reason: RegExp][] = [
  ['a stranger', 'Mia lost the kite', 'Zoe lost the kite', /Zoe does not have/],
  ['the wrong loser', 'Mia lost the kite', 'Mia lost the drum', /no drum in the tale/],
  [
    'the wrong place',
    'Ben found the kite at the school',
    'Ben found the kite at the park',
    /not at the park/,
  ],
  [
    'a move to where one is',
    'went to the school together',
    'went to the park together',
    /at the park already/,
  ],
  ['the wrong giver', 'He gave the red kite to Mia', 'Mia gave the red kite to Ben', /Mia does not have/],
  ['the wrong colour', 'gave the red kite', 'gave the blue kite', /is red, not blue/],
  ['the wrong pronoun', 'He gave the red kite', 'She gave the red kite', /called "she"/],
  ['a feeling without reason', 'Mia was happy', 'Mia was sad', /no reason to be sad/],
  ['thanks for nothing', '"Thank you, Ben," said Mia', '"Thank you, Mia," said Ben', /did nothing/],
  ['a girl with a name of a boy', 'a fox named Ben', 'a girl named Ben', /not a girl/],
  ['a meeting elsewhere', 'There Mia met Ben at the park', 'There Mia met Ben at the zoo', /not at the zoo/],
  ['an introduction twice', 'a fox named Ben', 'a fox named Mia', /introduced already|is not in the tale/],
  [
    'a lesson of nothing',
    'From that day on Mia and Ben were friends.',
    'It is good to say sorry.',
    /in this tale/,
  ],
  ['no end', ' From that day on Mia and Ben were friends.', '', /no end/],
  ['a sentence of no frame', 'Mia was sad.', 'Mia was a bit sad.', /no frame/],
  ['a lower case beginning', 'There Mia met', 'there Mia met', /no frame/],
  ['two blanks', 'Mia was sad.', ' Mia was sad.', /no frame/],
  ['a sentence without its full stop', 'Mia had a red kite.', 'Mia had a red kite', /no frame/],
];

for (const [what, from, to, reason] of CONTRADICTIONS) {
  test(`refused: ${what}`, () => {
    assert.ok(TALE.includes(from));
    const verdict = checkTale(TALE.replace(from, to));
    assert.ok(!verdict.ok);
    assert.match(verdict.reason, reason);
  });
}

test('an empty text and one without any sense are refused', () => {
  for (const text of ['', ' ', '.', 'Mia', 'x'.repeat(2000), `${TALE} ${TALE}`])
    assert.ok(!checkTale(text).ok, text);
});

test('one changed name, thing or last feeling in a random tale is found', () => {
  let changed = 0;
  for (let i = 0; i < 60; i++) {
    const random = new Random(`corrupted ${i}`);
    const { text, world } = tellTale(random, 'train');
    const strangers = NAMES.filter((name) => !world.people.has(name));
    const others = THINGS.filter((noun) => !world.things.has(noun));
    const hero = [...world.people.keys()][0] ?? '';
    const thing = [...world.things.keys()][0];
    const corrupted = [
      text.slice(0, text.lastIndexOf(hero)) +
        random.pick(strangers) +
        text.slice(text.lastIndexOf(hero) + hero.length),
    ];
    if (thing !== undefined && text.split(` ${thing}`).length > 2) {
      const at = text.lastIndexOf(` ${thing}`) + 1;
      corrupted.push(text.slice(0, at) + random.pick(others) + text.slice(at + thing.length));
    }
    const feels = world.people.get(hero)?.feels ?? null;
    if (feels !== null) {
      const at = text.lastIndexOf(feels);
      const opposite = FEELINGS[FEELINGS.good.includes(feels) ? 'bad' : 'good'];
      corrupted.push(text.slice(0, at) + random.pick(opposite) + text.slice(at + feels.length));
    }
    for (const wrong of corrupted) {
      changed += 1;
      assert.ok(!checkTale(wrong).ok, `${text}\n${wrong}`);
    }
  }
  assert.ok(changed > 120, `${changed} changes`);
});

test('a wrong place of finding is found', () => {
  let changed = 0;
  for (let i = 0; changed < 15; i++) {
    const random = new Random(`places ${i}`);
    const { text, world } = tellTale(random, 'train');
    const find = world.events.find(({ name }) => name === 'find');
    if (find === undefined) continue;
    const place = find.args.P ?? '';
    const other = random.pick(PLACES.filter((name) => !text.includes(name)));
    const sentence = text.match(new RegExp(`[^.!?"]*(found|saw)[^.]* ${place}[^.]*\\.`))?.[0];
    if (sentence === undefined) continue;
    changed += 1;
    const wrong = text.replace(
      sentence,
      sentence.replace(/(at|in|on) the \w+(?=[^.]*\.$)/, `at the ${other}`),
    );
    if (wrong !== text) assert.ok(!checkTale(wrong).ok, wrong);
  }
});
