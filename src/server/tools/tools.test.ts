import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CallParser, type ReplyPart } from './call-parser.ts';
import { checkTools } from './check-tools.ts';
import { type ToolMessage, templateInput } from './tool-messages.ts';

const ARGUMENTS = ['{"a": "}</tool_call>\\"{", "b": [{}, [1]]}', '{}'];
const call = (name: string, text: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${text}}\n</tool_call>`;
const TEXT = `I look < it <tool up.\n${call('find', ARGUMENTS[0]!)}\n${call('go', ARGUMENTS[1]!)}\nDone <tool`;

/** The parts of a text that comes in pieces, with neighbours of a kind joined. */
function parse(pieces: readonly string[]): { parts: unknown[]; calls: number; ids: string[] } {
  const parser = new CallParser();
  const parts: ReplyPart[] = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.flush()];
  const joined: Record<string, unknown>[] = [];
  const ids: string[] = [];
  for (const part of parts) {
    if (part.kind === 'tool-call') ids.push(part.id);
    const { text, ...rest } = { text: '', ...part, id: '' };
    const last = joined.at(-1);
    const continues = last !== undefined && last.kind === part.kind && part.kind !== 'tool-call';
    if (continues) last.text = `${last.text}${text}`;
    else joined.push({ ...rest, text });
  }
  return { parts: joined, calls: parser.calls, ids };
}

test('words and calls are told apart, wherever the text is cut', () => {
  const whole = parse([TEXT]);
  assert.deepEqual(
    whole.parts.map((part) => (part as { kind: string; text: string }).text),
    ['I look < it <tool up.\n', '', ARGUMENTS[0], '', ARGUMENTS[1], '\nDone <tool'],
  );
  assert.equal(whole.calls, 2);
  assert.match(whole.ids[0]!, /^call_[A-Za-z]{24}$/);
  assert.notEqual(whole.ids[0], whole.ids[1]);
  fc.assert(
    fc.property(fc.array(fc.nat(TEXT.length)), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), TEXT.length];
      const pieces = at.slice(1).map((end, i) => TEXT.slice(at[i], end));
      assert.deepEqual(parse(pieces).parts, whole.parts);
    }),
  );
});

test('arguments come as they are written, and a call that is cut off is none', () => {
  const parser = new CallParser();
  parser.push('<tool_call>\n{"name": "f", "arguments": ');
  assert.equal(parser.isWithinCall, true);
  const first = parser.push('{"a');
  assert.deepEqual(
    first.map((part) => part.kind),
    ['tool-call', 'tool-arguments'],
  );
  assert.deepEqual(parser.push('": 1'), [{ kind: 'tool-arguments', index: 0, text: '": 1' }]);
  assert.deepEqual([parser.flush(), parser.calls], [[], 0]);
});

test('what only looks like a call is text', () => {
  assert.deepEqual(parse(['<tool_call>nothing</tool_call>']).parts, [
    { kind: 'text', id: '', text: '<tool_call>nothing</tool_call>' },
  ]);
});

test('definitions that cannot be offered are refused by name', () => {
  const parameters = { type: 'object' };
  checkTools([{ name: 'a.b-c_1', parameters }, { name: 'd' }], { name: 'd' });
  for (const tools of [
    [{ name: 'a b' }],
    [{ name: 'x'.repeat(129) }],
    [{ name: 'a' }, { name: 'a' }],
    [{ name: 'a', parameters: [] }],
    [{ name: 'a', parameters: { type: 'string' } }],
  ]) {
    assert.throws(() => checkTools(tools, 'auto'), { code: 'option/tools' });
  }
  assert.throws(() => checkTools([], 'required'), { code: 'option/tool-choice' });
  assert.throws(() => checkTools([{ name: 'a' }], { name: 'b' }), { code: 'option/tool-choice' });
});

const TALK: readonly ToolMessage[] = [
  { role: 'system', text: 'Be brief.' },
  { role: 'user', text: 'Weather?' },
  {
    role: 'assistant',
    text: 'I look.',
    toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Bonn"}' }],
  },
  { role: 'tool', callId: 'call_1', name: 'weather', text: 'sunny' },
  { role: 'tool', callId: 'call_2', text: 'warm' },
];
const TOOLS = [{ name: 'weather', description: 'Of a city', parameters: { type: 'object' } }];

test('templates that know tools get them in their form', () => {
  const template = "{% for tool in tools %}…{% endfor %}'<tool_call>'";
  const { messages, tools } = templateInput(template, TALK, TOOLS, 'auto');
  assert.deepEqual(tools, [
    {
      type: 'function',
      function: { name: 'weather', description: 'Of a city', parameters: { type: 'object' } },
    },
  ]);
  const made = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: { city: 'Bonn' } } };
  assert.deepEqual(messages[2], { role: 'assistant', content: 'I look.', tool_calls: [made] });
  assert.deepEqual(messages[3], { role: 'tool', content: 'sunny', tool_call_id: 'call_1', name: 'weather' });
  assert.equal(templateInput(template, TALK, TOOLS, 'none').tools, undefined);
});

test('other templates get text', () => {
  const { messages, tools } = templateInput('{{ messages }}', TALK, TOOLS, 'auto');
  assert.equal(tools, undefined);
  assert.deepEqual(
    messages.map(({ role }) => role),
    ['system', 'user', 'assistant', 'user'],
  );
  assert.match(String(messages[0]!.content), /^Be brief\.\n\n.*"name":"weather".*<tool_call>/s);
  assert.equal(messages[2]!.content, `I look.\n${call('weather', '{"city":"Bonn"}')}`);
  assert.equal(
    messages[3]!.content,
    '<tool_response>\nsunny\n</tool_response>\n<tool_response>\nwarm\n</tool_response>',
  );
  const untold = templateInput('', TALK.slice(1), TOOLS, 'none').messages;
  assert.equal(untold[0]!.content, 'Weather?');
});
