import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RequestError } from '../../../http/failure.ts';
import { readChatRequest } from './chat-request.ts';

const MESSAGES = [{ role: 'user', content: 'Hello.' }];
const WEATHER = {
  type: 'function',
  function: { name: 'weather', description: 'Of a city.', parameters: {}, strict: true },
};

describe('a request for a chat completion', () => {
  test('has the defaults of the server', () => {
    const request = read({});
    assert.equal(request.choices.length, 1);
    assert.deepEqual(request.choices[0], {
      messages: [{ role: 'user', text: 'Hello.' }],
      tools: [],
      toolChoice: 'none',
      parallelToolCalls: true,
      format: { kind: 'text' },
      stop: [],
      sampling: {
        temperature: 1,
        topP: 1,
        topK: 40,
        minP: 0,
        repetitionPenalty: 1,
        presencePenalty: 0,
        frequencyPenalty: 0,
      },
    });
  });

  test('null counts as absent', () => {
    const names =
      'temperature top_p seed stop n tools tool_choice response_format stream stream_options logprobs';
    const nothing = Object.fromEntries(names.split(' ').map((name) => [name, null]));
    assert.deepEqual(read({ ...nothing, audio: null, max_tokens: null }), read({}));
  });

  test('what changes nothing is taken', () => {
    const neutral = {
      user: 'u',
      safety_identifier: 's',
      prompt_cache_key: 'k',
      metadata: { a: 'b' },
      service_tier: 'auto',
      store: false,
      modalities: ['text'],
      reasoning_effort: 'none',
    };
    assert.deepEqual(read(neutral), read({}));
  });

  test('choices have seeds one after the other, below 2^53', () => {
    const seeds = (seed: number) => read({ seed, n: 3 }).choices.map(({ sampling }) => sampling.seed);
    assert.deepEqual(seeds(5), [5, 6, 7]);
    assert.deepEqual(seeds(-1), [2 ** 53 - 1, 0, 1]);
    assert.deepEqual(seeds(Number.MAX_SAFE_INTEGER - 1), [2 ** 53 - 2, 2 ** 53 - 1, 0]);
  });

  test('formats become what constraints are made of', () => {
    const schema = { type: 'object' };
    const cases: [unknown, unknown][] = [
      [{ type: 'text' }, { kind: 'text' }],
      [{ type: 'json_object' }, { kind: 'json' }],
      [
        { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } },
        { kind: 'schema', schema },
      ],
      [{ type: 'json_schema', json_schema: { name: 'x' } }, { kind: 'json' }],
      [
        { type: 'regex', pattern: '[ab]+' },
        { kind: 'regex', pattern: '[ab]+' },
      ],
      [
        { type: 'choice', choices: ['yes', 'no'] },
        { kind: 'choices', choices: ['yes', 'no'] },
      ],
    ];
    for (const [response_format, format] of cases) {
      assert.deepEqual(read({ response_format }).choices[0]!.format, format);
    }
  });

  test('tools and how they are chosen', () => {
    const [reply] = read({ tools: [WEATHER] }).choices;
    assert.deepEqual(reply!.tools, [{ name: 'weather', description: 'Of a city.', parameters: {} }]);
    const choice = (tool_choice: unknown) => read({ tools: [WEATHER], tool_choice }).choices[0]!.toolChoice;
    assert.equal(choice(undefined), 'auto');
    assert.equal(choice('none'), 'none');
    assert.equal(choice('required'), 'required');
    assert.deepEqual(choice({ type: 'function', function: { name: 'weather' } }), { name: 'weather' });
    assert.equal(read({ tools: [WEATHER], parallel_tool_calls: false }).choices[0]!.parallelToolCalls, false);
    refuses(
      { tools: [WEATHER], tool_choice: { type: 'function', function: { name: 'other' } } },
      'tool_choice',
    );
    refuses({ tools: [WEATHER, WEATHER] }, 'tools');
    refuses({ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools[0].type');
    refuses({ tools: [{ type: 'function', function: { name: 'no spaces' } }] }, 'tools[0].function.name');
  });

  test('messages with calls and their answers, as clients send them back', () => {
    const call = {
      id: 'c1',
      type: 'function',
      function: { name: 'weather', arguments: '{}', parsed_arguments: {} },
    };
    const messages = [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'Be ' },
          { type: 'text', text: 'brief.' },
        ],
      },
      { role: 'user', content: 'Weather?', type: 'text' },
      { role: 'assistant', content: null, refusal: null, tool_calls: [call], parsed: null },
      { role: 'tool', tool_call_id: 'c1', content: 'Rain.' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    ];
    assert.deepEqual(read({ messages }).choices[0]!.messages, [
      { role: 'system', text: 'Be brief.' },
      { role: 'user', text: 'Weather?' },
      { role: 'assistant', text: '', toolCalls: [{ id: 'c1', name: 'weather', arguments: '{}' }] },
      { role: 'tool', callId: 'c1', text: 'Rain.' },
      { role: 'assistant', text: 'No.' },
    ]);
    refuses({ messages: [{ role: 'user', content: 'x', name: 'Ada' }] }, 'messages[0].name');
    refuses({ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id');
  });

  test('two limits must agree', () => {
    assert.equal(read({ max_tokens: 5, max_completion_tokens: 5 }).choices[0]!.maxTokens, 5);
    refuses({ max_tokens: 5, max_completion_tokens: 6 }, 'max_tokens');
  });

  test('a body that is no object', () => {
    for (const body of [null, 5, 'x', []]) {
      assert.throws(() => readChatRequest(body), {
        code: 'invalid_value',
        message: 'the body must be a JSON object',
      });
    }
  });
});

function read(change: object): ReturnType<typeof readChatRequest> {
  return readChatRequest({ messages: MESSAGES, ...change });
}

function refuses(change: object, parameter: string): void {
  assert.throws(
    () => read(change),
    (error: unknown) => {
      assert.ok(error instanceof RequestError, String(error));
      assert.equal(error.status, 400);
      assert.equal(error.parameter, parameter, error.message);
      return true;
    },
  );
}
