/**
 * A page on the public API, as a user of the package would write it: loads the model that its address names
 * (`?model=…&prompt=…&tokens=…`), generates greedily and shows the text as it comes. What came out is left in
 * `globalThis.generated` for the test that drives the page. It can train a model, too:
 * `globalThis.train()`, and fetch one from a hub: `globalThis.pull()`.
 */
import { loadModel } from 'bitnet.ts';
import { pull } from './pull.ts';
import { train } from './train.ts';

/** What the test compares with its own run in Node. */
export interface Generated {
  readonly tokens: number[];
  readonly text: string;
  readonly backend: string;
  readonly isIsolated: boolean;
}

async function generate(): Promise<Generated> {
  const { searchParams } = new URL(location.href);
  const model = await loadModel(new URL(searchParams.get('model') ?? '', location.href));
  const output = document.querySelector('#text');
  const tokens: number[] = [];
  let text = '';
  const options = { maxTokens: Number(searchParams.get('tokens')), temperature: 0, seed: 1 };
  for await (const piece of model.generate(searchParams.get('prompt') ?? '', options)) {
    text += piece.text;
    tokens.push(...piece.tokens);
    if (output) output.textContent = text;
  }
  const { backend } = model;
  await model.dispose();
  return { tokens, text, backend, isIsolated: crossOriginIsolated };
}

Object.assign(globalThis, { generated: generate(), pull, train });
