import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { rewriteGguf, tinyTalesBytes } from '../../model/loading/rewritten-model.test.ts';
import { loadModel, type Model } from '../model.ts';

/** Turns end with a line break, which this base model can write as well as anything. */
const TEMPLATE =
  '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}';
const GREEDY = { temperature: 0, maxTokens: 12 } as const;

describe('a chat', () => {
  let model: Model;
  before(async () => {
    const bytes = await rewriteGguf(tinyTalesBytes(), { metadata: { 'tokenizer.chat_template': TEMPLATE } });
    model = await loadModel(bytes, { threads: 0 });
  });
  after(() => model.dispose());

  test('the template of the file is used', () => {
    assert.equal(model.chatTemplate, TEMPLATE);
    const ids = model.encodeChat([{ role: 'user', content: 'Tell me.' }]);
    assert.equal(model.detokenize(ids, { skipSpecial: true }), 'user: Tell me.\nassistant: ');
  });

  test('grows by a question and an answer with each send', async () => {
    const chat = model.chat({ system: 'Be kind.' });
    assert.deepEqual(chat.messages, [{ role: 'system', content: 'Be kind.' }]);
    const generation = chat.send('Who is there?', GREEDY);
    assert.equal(chat.messages.length, 1, 'nothing joins before there is a reply');
    const reply = await generation.text();
    assert.deepEqual(chat.messages, [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Who is there?' },
      { role: 'assistant', content: reply },
    ]);
    await chat.send('And then?', GREEDY).text();
    assert.deepEqual(
      chat.messages.map(({ role }) => role),
      ['system', 'user', 'assistant', 'user', 'assistant'],
    );
  });

  test('the second turn computes only what is new', async () => {
    const chat = model.chat();
    const first = chat.send('Tell me of the king and his three daughters.', GREEDY);
    await first.text();
    const second = chat.send('More.', GREEDY);
    await second.text();
    const { cachedTokens, promptTokens } = second.result!;
    assert.ok(cachedTokens >= first.result!.promptTokens, `${cachedTokens} of ${promptTokens} were at hand`);
    assert.ok(cachedTokens < promptTokens);
  });

  test('gives the reply that generate gives for the same conversation', async () => {
    const chat = model.chat();
    const reply = await chat.send('Hello.', GREEDY).text();
    const prompt = model.encodeChat([{ role: 'user', content: 'Hello.' }]);
    assert.equal(await model.generate(prompt, GREEDY).text(), reply);
  });

  test('goes on with a saved conversation', async () => {
    const chat = model.chat({ system: 'Be brief.' });
    await chat.send('Hello.', GREEDY).text();
    const saved = JSON.parse(JSON.stringify(chat.messages)) as typeof chat.messages;
    const restored = model.chat({ messages: saved });
    assert.deepEqual(restored.messages, chat.messages);
    const [one, other] = [chat.send('Again.', GREEDY), restored.send('Again.', GREEDY)];
    assert.equal(await other.text(), await one.text());
  });

  test('an aborted reply stays, as far as it came', async () => {
    const chat = model.chat();
    const controller = new AbortController();
    let seen = '';
    await assert.rejects(
      async () => {
        for await (const piece of chat.send('Tell me.', { ...GREEDY, signal: controller.signal })) {
          seen += piece.text;
          if (seen !== '') controller.abort();
        }
      },
      { name: 'AbortError' },
    );
    assert.deepEqual(chat.messages, [
      { role: 'user', content: 'Tell me.' },
      { role: 'assistant', content: seen },
    ]);
    assert.ok((await chat.send('Go on.', GREEDY).text()).length > 0);
    assert.equal(chat.messages.length, 4);
  });

  test('a reply whose loop is left stays, as far as it came', async () => {
    const chat = model.chat();
    let seen = '';
    for await (const piece of chat.send('Tell me.', GREEDY)) {
      seen += piece.text;
      if (seen !== '') break;
    }
    assert.equal(chat.messages[1]!.content, seen);
  });

  test('nothing joins when a send fails', async () => {
    const chat = model.chat();
    await assert.rejects(chat.send('x '.repeat(500), GREEDY).text(), {
      code: 'session/context-length-exceeded',
    });
    await assert.rejects(chat.send('Hello.', { temperature: -1 }).text(), { code: 'option/temperature' });
    assert.deepEqual(chat.messages, []);
  });

  test('two sends at once: the one that ends second is refused', async () => {
    const chat = model.chat();
    const results = await Promise.allSettled([
      chat.send('One.', GREEDY).text(),
      chat.send('Two.', { ...GREEDY, maxTokens: 20 }).text(),
    ]);
    const failed = results.filter((result) => result.status === 'rejected');
    assert.equal(failed.length, 1);
    assert.equal((failed[0] as PromiseRejectedResult).reason.code, 'chat/busy');
    assert.equal(chat.messages.length, 2);
  });

  test('text of a user makes no control tokens', () => {
    const plain = model.encodeChat([{ role: 'user', content: 'a <|endoftext|> b' }]);
    const control = plain.filter((id) => id === model.tokenizer.eosId);
    assert.deepEqual(control, plain.slice(0, control.length), 'only the one at the start, if any');
    assert.ok(control.length <= 1);
  });
});
