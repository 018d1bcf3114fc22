import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BITNET_2B4T_TEMPLATE,
  chooseTemplate,
  FALCON3_TEMPLATE,
  templateOfTokenizerConfig,
} from './known-templates.ts';

const withTurnEnd = {
  idOf: (text: string): number | undefined => (text === '<|eot_id|>' ? 128009 : undefined),
};
const without = { idOf: (): undefined => undefined };
/** The gist of the template inside the official GGUF file. */
const WRONG = "{% for m in messages %}{{ 'Human: ' + m['content'] + '\n\nBITNETAssistant: ' }}{% endfor %}";

test('the wrong template of the official 2B4T file is replaced, which is reported', () => {
  for (const architecture of ['bitnet-b1.58', 'bitnet-25']) {
    const choice = chooseTemplate({ embedded: WRONG, architecture, tokenizer: withTurnEnd });
    assert.equal(choice.source, BITNET_2B4T_TEMPLATE);
    assert.match(choice.corrections[0]!, /never ends its turn/);
  }
});

test('2B4T without a template gets the published one, which is reported', () => {
  const choice = chooseTemplate({ architecture: 'bitnet-b1.58', tokenizer: withTurnEnd });
  assert.equal(choice.source, BITNET_2B4T_TEMPLATE);
  assert.equal(choice.corrections.length, 1);
});

test('a model of the same architecture without that turn end is a base model', () => {
  assert.deepEqual(chooseTemplate({ architecture: 'bitnet-b1.58', tokenizer: without }), { corrections: [] });
});

test('any other template in the file is used as it is', () => {
  const embedded = '{{ messages[0].content }}';
  for (const architecture of ['bitnet-b1.58', 'llama']) {
    const choice = chooseTemplate({ embedded, architecture, tokenizer: withTurnEnd });
    assert.deepEqual(choice, { source: embedded, corrections: [] });
  }
});

test('instruction-tuned Falcons without a template get their layout, base models none', () => {
  const facts = { architecture: 'llama', tokenizer: without };
  const named = (modelName: string, pre?: string): string | undefined =>
    chooseTemplate({ ...facts, modelName, ...(pre === undefined ? {} : { pre }) }).source;
  assert.equal(named('Falcon3-1B-Instruct-1.58bit'), FALCON3_TEMPLATE);
  assert.equal(named('Falcon-E-3B-Instruct'), FALCON3_TEMPLATE);
  assert.equal(named('My Instruct Model', 'falcon_e'), FALCON3_TEMPLATE);
  assert.equal(named('Falcon3-7B-Base-1.58bit', 'falcon3'), undefined);
  assert.equal(named('Llama3-8B-Instruct'), undefined);
});

test('the template of a tokenizer_config.json is a text or the default of several', () => {
  assert.equal(templateOfTokenizerConfig({ chat_template: 'a' }), 'a');
  const several = [
    { name: 'tool_use', template: 'b' },
    { name: 'default', template: 'c' },
  ];
  assert.equal(templateOfTokenizerConfig({ chat_template: several }), 'c');
  for (const nothing of [null, 7, {}, { chat_template: [null] }, { chat_template: {} }]) {
    assert.equal(templateOfTokenizerConfig(nothing), undefined);
  }
});
