/** Tool calls and structured output as the official client's helpers, Vercel's AI SDK and LangChain read them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { HumanMessage } from '@langchain/core/messages';
import { tool as langchainTool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { generateObject, generateText, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { type Asked, calls, type ScriptedServer, says, startScripted } from './openai-scripted.js';
import { listOf } from './openai-server.js';

const CITY = z.object({ city: z.string() });
const PERSON = z.object({ name: z.string(), age: z.number().int() });
const ADA = { name: 'Ada', age: 36 };
const QUESTION = 'What is the weather in Oslo?';

/** Calls the weather until it has been told, and writes the format that it is given. */
function script(asked: Asked) {
  if (asked.format.kind === 'schema') return says(JSON.stringify(ADA));
  const answer = asked.messages.find(({ role }) => role === 'tool');
  if (answer !== undefined) return says(`It is ${answer.text}.`);
  const [first] = asked.tools;
  if (first === undefined) return says('I have no tools.');
  const values = first.name === 'weather' ? { city: 'Oslo' } : ADA;
  return calls({ name: first.name, arguments: values });
}

describe('tool calls and structured output in clients', () => {
  let server: ScriptedServer;
  let client: OpenAI;
  before(async () => {
    server = await startScripted(script);
    client = new OpenAI({ baseURL: server.baseURL, apiKey: 'none', maxRetries: 0 });
  });
  after(() => server.close());

  const weather = {
    type: 'function' as const,
    function: {
      name: 'weather',
      description: 'The weather of a city.',
      parse: (text: string) => CITY.parse(JSON.parse(text)),
      function: async ({ city }: { city: string }) => `rainy in ${city}`,
      parameters: z.toJSONSchema(CITY) as Record<string, unknown>,
    },
  };

  for (const stream of [false, true]) {
    test(`openai: runTools goes round until there is an answer${stream ? ', streaming' : ''}`, async () => {
      const body = {
        model: 'scripted',
        messages: [{ role: 'user' as const, content: QUESTION }],
        tools: [weather],
      };
      const runner = stream
        ? client.chat.completions.runTools({ ...body, stream: true })
        : client.chat.completions.runTools(body);
      assert.equal(await runner.finalContent(), 'It is rainy in Oslo.');
      const last = server.asked.at(-1)!;
      assert.deepEqual(last.messages, [
        { role: 'user', text: QUESTION },
        {
          role: 'assistant',
          text: '',
          toolCalls: [{ id: 'call_0_weather', name: 'weather', arguments: '{"city":"Oslo"}' }],
        },
        { role: 'tool', callId: 'call_0_weather', text: 'rainy in Oslo' },
      ]);
    });
  }

  test('openai: parse gives objects of a schema, and arguments of a function', async () => {
    const messages = [{ role: 'user' as const, content: 'Who?' }];
    const answer = await client.chat.completions.parse({
      model: 'scripted',
      messages,
      response_format: zodResponseFormat(PERSON, 'person'),
    });
    assert.deepEqual(answer.choices[0]!.message.parsed, ADA);
    assert.equal(server.asked.at(-1)!.format.kind, 'schema');
    const called = await client.chat.completions.parse({
      model: 'scripted',
      messages,
      tools: [zodFunction({ name: 'person', parameters: PERSON })],
    });
    const [call] = called.choices[0]!.message.tool_calls!;
    assert.deepEqual(call!.function.parsed_arguments, ADA);
    // What the helper made of the answer can be sent back as it is.
    await client.chat.completions.create({
      model: 'scripted',
      messages: [...messages, called.choices[0]!.message],
    });
  });

  test('openai: responses with calls and with a schema, and streams of them', async () => {
    const tools = [
      {
        type: 'function' as const,
        name: 'weather',
        strict: true,
        parameters: z.toJSONSchema(CITY) as Record<string, unknown>,
      },
    ];
    const first = await client.responses.create({ model: 'scripted', input: QUESTION, tools });
    const [call] = first.output;
    assert.ok(call?.type === 'function_call');
    assert.equal(call.arguments, '{"city":"Oslo"}');
    const second = await client.responses.create({
      model: 'scripted',
      tools,
      input: [
        { role: 'user', content: QUESTION },
        call,
        { type: 'function_call_output', call_id: call.call_id, output: 'dry' },
      ],
    });
    assert.equal(second.output_text, 'It is dry.');
    const events = await listOf(
      await client.responses.create({ model: 'scripted', input: QUESTION, tools, stream: true }),
    );
    const text = events.map((event) =>
      event.type === 'response.function_call_arguments.delta' ? event.delta : '',
    );
    assert.equal(text.join(''), '{"city":"Oslo"}');
    const stream = client.responses.stream({
      model: 'scripted',
      input: 'Who?',
      text: { format: zodTextFormat(PERSON, 'person') },
    });
    assert.deepEqual((await stream.finalResponse()).output_parsed, ADA);
  });

  test('ai: tools, objects and streams', async () => {
    const provider = createOpenAICompatible({
      name: 'bitnet',
      baseURL: server.baseURL,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    const model = provider('scripted');
    const tools = {
      weather: tool({
        description: 'The weather of a city.',
        inputSchema: CITY,
        execute: async ({ city }) => `rainy in ${city}`,
      }),
    };
    const answer = await generateText({ model, tools, prompt: QUESTION, stopWhen: stepCountIs(3) });
    assert.equal(answer.text, 'It is rainy in Oslo.');
    const streamed = streamText({ model, tools, prompt: QUESTION, stopWhen: stepCountIs(3) });
    assert.equal((await listOf(streamed.textStream)).join(''), 'It is rainy in Oslo.');
    assert.equal((await streamed.usage).inputTokens, 10);
    const { object } = await generateObject({ model, schema: PERSON, prompt: 'Who?' });
    assert.deepEqual(object, ADA);
    assert.equal(server.asked.at(-1)!.format.kind, 'schema');
  });

  test('langchain: bindTools, withStructuredOutput and streams', async () => {
    const model = new ChatOpenAI({
      model: 'scripted',
      apiKey: 'none',
      maxRetries: 0,
      configuration: { baseURL: server.baseURL },
    });
    const bound = model.bindTools([
      langchainTool(async ({ city }) => `rainy in ${city}`, { name: 'weather', schema: CITY }),
    ]);
    const message = await bound.invoke([new HumanMessage(QUESTION)]);
    assert.deepEqual(
      message.tool_calls!.map(({ name, args }) => ({ name, args })),
      [{ name: 'weather', args: { city: 'Oslo' } }],
    );
    const chunks = await listOf(await bound.stream([new HumanMessage(QUESTION)]));
    const whole = chunks.reduce((all, chunk) => all.concat(chunk));
    assert.deepEqual(whole.tool_calls![0]!.args, { city: 'Oslo' });
    for (const method of ['jsonSchema', 'functionCalling'] as const) {
      const structured = model.withStructuredOutput(PERSON, { method, name: 'person' });
      assert.deepEqual(await structured.invoke('Who?'), ADA);
    }
  });
});
