/** Answers to JSON schemas, regular expressions and choices: at temperature 1, all that are complete are valid. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OutputFormat } from '#src/server/constraint/constraint-compiler.js';
import { startReply } from '#src/server/reply/reply.js';
import { seededRandom } from '../properties/mutate.js';
import { type ConstrainedModel, constrainedModel, requestOf } from './constrained-model.js';
import { HANDWRITTEN, randomDocument } from './random-schemas.js';

const SCHEMAS = 200;
const MAX_TOKENS = 1500;
/** A random model hardly ever ends a string or a list; these make it no less random within. */
const ENDINGS = ['"', '}', ']'];

let model: ConstrainedModel;
before(async () => {
  model = await constrainedModel();
});
after(() => model.close());

/** An answer, and whether it is complete. */
async function answer(format: OutputFormat, seed: number): Promise<{ text: string; isComplete: boolean }> {
  const { tokenizer } = model.served.model;
  const logitBias = Object.fromEntries(
    ENDINGS.map((text) => [tokenizer.encode(text, { addBos: false })[0]!, 3]),
  );
  const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, seed, logitBias };
  const reply = await startReply(model.served, requestOf({ format, sampling, maxTokens: MAX_TOKENS }));
  let text = '';
  for await (const event of reply) if (event.kind === 'text') text += event.text;
  return { text, isComplete: reply.end === 'stop' };
}

/** Ajv with the formats; one for each schema, since some have the same $id. */
function validator(schema: object): (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  return ajv.compile(schema);
}

test(`${SCHEMAS} schemas: every complete answer is valid`, async () => {
  const random = seededRandom(20_261_122);
  const generated = Array.from({ length: SCHEMAS - HANDWRITTEN.length }, () => randomDocument(random));
  let complete = 0;
  for (const [i, schema] of [...HANDWRITTEN, ...generated].entries()) {
    const { text, isComplete } = await answer({ kind: 'schema', schema }, i);
    if (!isComplete) continue;
    complete++;
    const isValid = validator(schema)(JSON.parse(text));
    assert.ok(isValid, `schema ${i}: ${JSON.stringify(schema)}\nanswer: ${text}`);
  }
  assert.ok(complete >= SCHEMAS * 0.9, `only ${complete} of ${SCHEMAS} answers are complete`);
});

test('a JSON object of any form', async () => {
  let complete = 0;
  for (let seed = 0; seed < 10; seed++) {
    const { text, isComplete } = await answer({ kind: 'json' }, seed);
    if (!isComplete) continue;
    complete++;
    const value: unknown = JSON.parse(text);
    assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), text);
  }
  assert.ok(complete >= 5, `only ${complete} of 10 answers are complete`);
});

test('regular expressions and choices', async () => {
  const pattern = '(?:yes|no), [a-z]{3,5}(?: [é-ü]+)?!?';
  const choices = ['yes', 'yes and no', 'größer "als"', '日本'];
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const { text, isComplete } = await answer({ kind: 'choices', choices }, seed);
    assert.ok(isComplete && choices.includes(text), text);
    seen.add(text);
    const matched = await answer({ kind: 'regex', pattern }, seed);
    assert.ok(!matched.isComplete || new RegExp(`^(?:${pattern})$`, 'u').test(matched.text), matched.text);
  }
  assert.ok(seen.size > 1);
});
