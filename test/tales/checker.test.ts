/** The checker of "tales" on tales that cannot be true. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkTale,
  FEELINGS,
  lackOf,
  NAMES,
  PLACES,
  Random,
  THINGS,
  tellTale,
  type Wish,
} from './modules.ts';

const TALE =
  'Once upon a time there was a little girl named Lily. Lily had a friend, a fox named Felix. Lily had a red kite. ' +
  'The kite was red. Lily went to the park. Lily met Felix at the park. But then Lily lost the kite. Lily cried. ' +
  'Lily and Felix went to the school. Felix found the kite at the school. Felix gave the kite to Lily. ' +
  '"Thank you, Felix," said Lily. Lily was happy because Felix gave the kite to Lily. ' +
  'Felix was proud because Felix gave the kite to Lily. Lily had the kite. Lily and Felix stayed good friends.';

test('a tale that can be true passes', () => {
  const verdict = checkTale(TALE);
  assert.ok(verdict.ok);
  assert.equal(verdict.world.people.get('Lily')?.feels, 'happy');
  assert.equal(verdict.world.people.get('Lily')?.why, 'Felix gave the kite to Lily');
});

const WISH: Wish = {
  people: ['Lily', 'Felix'],
  things: [{ noun: 'kite', color: 'red' }],
  places: ['park', 'school'],
  topic: 'a lost thing',
};

const WISHES: readonly [wish: Partial<Wish>, lack: RegExp | null][] = [
  [{}, null],
  [{ people: ['Lily'], places: [], topic: null }, null],
  [{ people: ['Mia', 'Felix'] }, /Mia/],
  [{ people: ['Lily', 'Bruno'] }, /Bruno/],
  [{ people: ['Felix', 'Lily'] }, /Felix/],
  [{ things: [{ noun: 'kite', color: 'blue' }] }, /blue kite/],
  [{ things: [...WISH.things, { noun: 'drum', color: 'red' }] }, /red drum/],
  [{ places: ['park', 'lake'] }, /the lake/],
  [{ topic: 'a race' }, /a race/],
];

for (const [wish, lack] of WISHES) {
  test(`what the tale lacks of ${JSON.stringify(wish)}`, () => {
    const verdict = checkTale(TALE);
    assert.ok(verdict.ok);
    const found = lackOf(verdict.world, { ...WISH, ...wish });
    if (lack === null) assert.equal(found, null);
    else assert.match(found ?? '', lack);
  });
}

const CONTRADICTIONS: readonly [what: string, from: string, to: string, reason: RegExp][] = [
  ['a stranger', 'Lily lost the kite', 'Mia lost the kite', /Mia is not in the tale/],
  ['the wrong loser', 'Lily lost the kite', 'Felix lost the kite', /Felix does not have/],
  ['the wrong thing', 'Lily lost the kite', 'Lily lost the drum', /no drum in the tale/],
  ['the wrong place', 'found the kite at the school', 'found the kite at the park', /not at the park/],
  ['a move to where one is', 'went to the school', 'went to the park', /at the park already/],
  [
    'the wrong giver',
    'Felix gave the kite to Lily. "',
    'Lily gave the kite to Felix. "',
    /Lily does not have/,
  ],
  ['a gift to oneself', 'Felix gave the kite to Lily. "', 'Felix gave the kite to Felix. "', /one person/],
  ['the wrong colour', 'The kite was red', 'The kite was blue', /is red, not blue/],
  ['a feeling without reason', 'Lily was happy', 'Lily was sad', /no frame/],
  [
    'the wrong reason',
    'Lily was happy because Felix gave',
    'Lily was happy because Lily gave',
    /no frame|no reason/,
  ],
  [
    'a reason that is over',
    'happy because Felix gave the kite to Lily',
    'sad because Lily lost the kite',
    /no reason/,
  ],
  [
    'a feeling twice',
    'Lily had the kite.',
    'Lily was happy because Felix gave the kite to Lily.',
    /already how/,
  ],
  ['tears for nothing', 'Lily cried', 'Felix cried', /no reason to cry/],
  ['thanks for nothing', '"Thank you, Felix," said Lily', '"Thank you, Lily," said Felix', /did nothing/],
  ['another animal', 'a fox named Felix', 'a bear named Felix', /not a bear/],
  ['a boy with a name of a girl', 'girl named Lily', 'boy named Lily', /not a boy/],
  ['a meeting elsewhere', 'met Felix at the park', 'met Felix at the zoo', /not at the zoo/],
  ['an introduction twice', 'a fox named Felix', 'a girl named Lily', /introduced already/],
  ['the wrong holder', 'Lily had the kite', 'Felix had the kite', /Felix does not have/],
  ['a lesson of nothing', 'Lily and Felix stayed good friends.', 'It is good to say sorry.', /in this tale/],
  ['no end', ' Lily and Felix stayed good friends.', '', /no end/],
  ['a sentence of no frame', 'Lily cried.', 'Lily cried a bit.', /no frame/],
  ['a lower case beginning', 'The kite was red', 'the kite was red', /no frame/],
  ['two blanks', 'Lily cried.', ' Lily cried.', /no frame/],
  ['a sentence without its full stop', 'Lily had a red kite.', 'Lily had a red kite', /no frame/],
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
      const others = FEELINGS.filter((feeling) => feeling !== feels);
      corrupted.push(text.slice(0, at) + random.pick(others) + text.slice(at + feels.length));
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
    const wrong = text.replace(sentence, sentence.replace(/at the \w+(?=[^.]*\.$)/, `at the ${other}`));
    if (wrong !== text) assert.ok(!checkTale(wrong).ok, wrong);
  }
});
