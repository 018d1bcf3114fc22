/** Formats and calls that are enforced, with sampling from a model that would never keep to them by itself. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { generateObject } from 'ai';
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { failureOf, listOf, MODEL_NAME, type RunningServer, startServer } from './openai-server.js';

/** Small enough that no draw makes it long. */
const VERDICT = z.object({
  verdict: z.enum(['guilty', 'free']),
  sure: z.boolean(),
  years: z.literal([1, 2, 3]),
});
const SCHEMA = z.toJSONSchema(VERDICT) as Record<string, unknown>;
const MESSAGES = [{ role: 'user' as const, content: 'Judge the fox.' }];
const BODY = { model: MODEL_NAME, messages: MESSAGES, max_completion_tokens: 300 };
const SEEDS = [1, 2, 3, 4];

describe('enforced output', () => {
  let server: RunningServer;
  let client: OpenAI;
  before(async () => {
    // Descriptions of tools take more room than the bundled model has.
    server = await startServer({ 'bitnet-b1.58.context_length': 2048 });
    client = new OpenAI({ baseURL: server.baseURL, apiKey: 'none', maxRetries: 0 });
  });
  after(() => server.close());

  test('JSON schemas, parsed by the client', async () => {
    for (const seed of SEEDS) {
      const answer = await client.chat.completions.parse({
        ...BODY,
        seed,
        response_format: zodResponseFormat(VERDICT, 'verdict'),
      });
      assert.deepEqual(VERDICT.parse(answer.choices[0]!.message.parsed), answer.choices[0]!.message.parsed);
      assert.equal(answer.choices[0]!.finish_reason, 'stop');
      const response = await client.responses.parse({
        model: MODEL_NAME,
        input: MESSAGES[0]!.content,
        max_output_tokens: 300,
        seed,
        text: { format: zodTextFormat(VERDICT, 'verdict') },
      } as Parameters<typeof client.responses.parse>[0]);
      assert.deepEqual(response.output_parsed, answer.choices[0]!.message.parsed);
    }
  });

  test('regular expressions and choices', async () => {
    const formats: [object, RegExp][] = [
      [{ type: 'regex', pattern: '[0-9]{4}-(0[1-9]|1[0-2])' }, /^[0-9]{4}-(0[1-9]|1[0-2])$/],
      [{ type: 'choice', choices: ['yes', 'no', 'maybe so'] }, /^(yes|no|maybe so)$/],
    ];
    for (const [response_format, pattern] of formats) {
      for (const seed of SEEDS) {
        const body = { ...BODY, seed, response_format } as unknown as typeof BODY;
        const { choices } = await client.chat.completions.create(body);
        assert.match(choices[0]!.message.content!, pattern);
      }
    }
  });

  test('calls that are required, by name or at all, whole and streamed', async () => {
    const tool = zodFunction({ name: 'judge', parameters: VERDICT });
    for (const tool_choice of ['required', { type: 'function', function: { name: 'judge' } }] as const) {
      const body = { ...BODY, seed: 5, tools: [tool], tool_choice, parallel_tool_calls: false };
      const whole = await client.chat.completions.parse(body);
      const { message, finish_reason } = whole.choices[0]!;
      assert.equal(finish_reason, 'tool_calls');
      assert.equal(message.content, null);
      assert.equal(message.tool_calls!.length, 1);
      const [call] = message.tool_calls!;
      assert.equal(call!.function.name, 'judge');
      VERDICT.parse(call!.function.parsed_arguments);
      const stream = await client.chat.completions.create({ ...body, stream: true });
      const deltas = (await listOf(stream)).flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
      assert.equal(deltas.map((delta) => delta.function?.arguments ?? '').join(''), call!.function.arguments);
      assert.equal(deltas[0]!.function!.name, 'judge');
    }
  });

  test('calls in responses, and the conversation that goes on from them', async () => {
    const tools = [{ type: 'function' as const, name: 'judge', strict: true, parameters: SCHEMA }];
    const body = { model: MODEL_NAME, tools, max_output_tokens: 300, seed: 6 };
    const first = await client.responses.create({
      ...body,
      input: MESSAGES[0]!.content,
      tool_choice: 'required',
      parallel_tool_calls: false,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming);
    const [call] = first.output;
    assert.ok(call?.type === 'function_call');
    VERDICT.parse(JSON.parse(call.arguments));
    const second = await client.responses.create({
      ...body,
      max_output_tokens: 8,
      tool_choice: 'none',
      input: [...MESSAGES, call, { type: 'function_call_output', call_id: call.call_id, output: 'done' }],
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming);
    assert.equal(second.output[0]!.type, 'message');
    assert.ok(second.usage!.input_tokens > first.usage!.input_tokens / 4);
  });

  test('objects of Vercel’s SDK and of LangChain', async () => {
    const model = createOpenAICompatible({
      name: 'bitnet',
      baseURL: server.baseURL,
      supportsStructuredOutputs: true,
    })(MODEL_NAME);
    const { object } = await generateObject({
      model,
      schema: VERDICT,
      prompt: 'Judge.',
      seed: 7,
      maxRetries: 0,
    });
    VERDICT.parse(object);
    const chat = new ChatOpenAI({
      model: MODEL_NAME,
      apiKey: 'none',
      maxRetries: 0,
      configuration: { baseURL: server.baseURL },
    });
    for (const method of ['jsonSchema', 'functionCalling'] as const) {
      const structured = chat.withStructuredOutput(VERDICT, { method, name: 'judge' });
      VERDICT.parse(await structured.invoke('Judge the fox.'));
    }
  });

  test('what cannot be enforced is refused, with the parameter at fault', async () => {
    const schema = { type: 'object', properties: { a: { not: { type: 'string' } } } };
    const tool = { type: 'function', function: { name: 'f', parameters: schema } };
    const judge = { type: 'function', function: { name: 'judge', parameters: SCHEMA } };
    const cases: [Record<string, unknown>, string, RegExp][] = [
      [
        { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } },
        'response_format',
        /not/,
      ],
      [{ response_format: { type: 'regex', pattern: '(' } }, 'response_format', /regular expression/],
      [{ tools: [tool], tool_choice: 'required' }, 'tools', /tool "f"/],
      [{ tools: [judge, judge] }, 'tools', /twice/],
      [{ tools: [judge], tool_choice: { type: 'function', function: { name: 'x' } } }, 'tool_choice', /"x"/],
    ];
    for (const [change, param, message] of cases) {
      const error = await failureOf(client.chat.completions.create({ ...BODY, ...change } as typeof BODY));
      assert.equal(error.status, 400, error.message);
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    }
    assert.equal(server.holds(), 0);
  });
});
