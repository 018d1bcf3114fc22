/** Every parameter with every kind of wrong value: each request is answered or refused by name, and none is a fault of ours. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type RunningServer, startServer } from './openai-server.js';

/** JSON texts; JSON.stringify could not write all of them. */
const VALUES = [
  '-1',
  '0.5',
  '1e400',
  '9007199254740993',
  '""',
  '"\\ud800"',
  'true',
  '[]',
  '[[]]',
  '[-1]',
  '{}',
  '{"__proto__":{"x":1}}',
  '{"type":"json_schema"}',
];

const SAMPLING =
  'temperature top_p top_k min_p repetition_penalty presence_penalty frequency_penalty logit_bias seed stop model stream user metadata store service_tier stream_options __proto__ constructor';
const ENDPOINTS: readonly (readonly [path: string, body: Record<string, unknown>, parameters: string])[] = [
  [
    'chat/completions',
    { messages: [{ role: 'user', content: 'x' }], max_tokens: 1 },
    `${SAMPLING} messages max_tokens max_completion_tokens n logprobs top_logprobs response_format tools tool_choice parallel_tool_calls modalities`,
  ],
  [
    'completions',
    { prompt: 'x', max_tokens: 1 },
    `${SAMPLING} prompt max_tokens n best_of echo logprobs suffix`,
  ],
  [
    'responses',
    { input: 'x', max_output_tokens: 1 },
    `input instructions max_output_tokens text tools tool_choice top_logprobs include reasoning truncation previous_response_id conversation background`,
  ],
  ['embeddings', { input: 'x' }, 'input model encoding_format dimensions pooling user'],
];

describe('hostile requests', () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  for (const [path, body, parameters] of ENDPOINTS) {
    test(path, async () => {
      const statuses = new Set<number>();
      const send = async (parameter: string, value: string) => {
        const { [parameter]: _, ...others } = body;
        const text = `{${JSON.stringify(others).slice(1, -1)},"${parameter}":${value}}`.replace('{,', '{');
        const response = await fetch(`${server.baseURL}/${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: text,
        });
        const answer = await response.text();
        assert.ok(response.status < 500, `${text}: ${answer}`);
        statuses.add(response.status);
        if (response.status < 400) return;
        const { error } = JSON.parse(answer) as { error: { message: string; param: string } };
        assert.ok(error.message.length < 600 && !error.message.includes('\n'), text);
        assert.ok(error.param?.startsWith(parameter), `${text}: ${answer}`);
      };
      for (const parameter of parameters.split(' ')) {
        await Promise.all(VALUES.map((value) => send(parameter, value)));
      }
      assert.ok(statuses.has(400));
      assert.equal(server.holds(), 0);
    });
  }
});
