import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import type { TextMessage } from './conversation.ts';
import { loadConversation, saveConversation } from './conversation-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'bitnet-chat-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const MESSAGES: readonly TextMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hello\n"there" 🙂' },
  { role: 'assistant', content: '' },
];

test('what is saved is loaded, replaces the old file, and leaves nothing else', async () => {
  const path = join(folder, 'kept.json');
  await saveConversation(path, []);
  await saveConversation(path, MESSAGES);
  assert.deepEqual(await loadConversation(path), MESSAGES);
  assert.deepEqual(readdirSync(folder), ['kept.json']);
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { messages: MESSAGES });
});

test('a folder that is not there is one sentence', async () => {
  await assert.rejects(saveConversation(join(folder, 'no', 'such.json'), MESSAGES), (error) => {
    assert.ok(error instanceof BitnetError);
    assert.equal(error.code, 'chat/cannot-save');
    assert.match(error.message, /cannot be saved \(ENOENT: no such file or directory\)$/);
    return true;
  });
  await assert.rejects(loadConversation(join(folder, 'none.json')), { code: 'chat/cannot-load' });
});

test('files that hold no conversation are refused with the reason', async () => {
  const cases: [string, RegExp][] = [
    ['', /no JSON/],
    ['{"messages":', /no JSON/],
    ['null', /no list "messages"/],
    ['[]', /no list "messages"/],
    ['{"messages": {}}', /no list "messages"/],
    ['{"messages": [null]}', /role of message 0/],
    ['{"messages": [{"role": "user", "content": "a"}, {"role": "tool"}]}', /role of message 1/],
    ['{"messages": [{"role": "user", "content": 7}]}', /content of message 0/],
    [`{"messages": [${Array(10_001).fill('0').join(',')}]}`, /more than 10000 messages/],
  ];
  const path = join(folder, 'bad.json');
  for (const [text, why] of cases) {
    writeFileSync(path, text);
    await assert.rejects(loadConversation(path), (error) => {
      assert.ok(error instanceof BitnetError && error.code === 'chat/bad-file', text.slice(0, 40));
      assert.match(error.message, why);
      return true;
    });
  }
});

test('fields beyond role and content are left behind', async () => {
  const path = join(folder, 'more.json');
  writeFileSync(
    path,
    '{"messages": [{"role": "user", "content": "a", "__proto__": {"x": 1}, "y": 2}], "z": 3}',
  );
  assert.deepEqual(await loadConversation(path), [{ role: 'user', content: 'a' }]);
});
