import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { interleave } from './interleave.ts';

describe('streams as one', () => {
  test('all values of all sources, each in its order, and each end', async () => {
    const seen: [number, number | undefined][] = [];
    for await (const { source, value } of interleave([count(3), count(0), count(5)]))
      seen.push([source, value?.n]);
    const of = (wanted: number) => seen.flatMap(([source, n]) => (source === wanted ? [n] : []));
    assert.deepEqual(of(0), [0, 1, 2, undefined]);
    assert.deepEqual(of(1), [undefined]);
    assert.deepEqual(of(2), [0, 1, 2, 3, 4, undefined]);
  });

  test('a slow source does not hold the others up', async () => {
    let free = () => {};
    const gate = new Promise<void>((resolve) => {
      free = resolve;
    });
    async function* slow() {
      await gate;
      yield { n: 9 };
    }
    const seen: (number | undefined)[] = [];
    for await (const { value } of interleave([slow(), count(2)])) {
      seen.push(value?.n);
      if (seen.length === 3) free();
    }
    assert.deepEqual(seen, [0, 1, undefined, 9, undefined]);
  });

  test('fails as a source does, and a later failure of another goes unnoticed', async () => {
    async function* failing(message: string, turns: number): AsyncGenerator<{ n: number }, void, undefined> {
      for (let n = 0; n < turns; n++) yield { n };
      throw new Error(message);
    }
    await assert.rejects(async () => {
      for await (const _ of interleave([failing('first', 1), failing('second', 50)]));
    }, /first/);
    await new Promise((resolve) => setImmediate(resolve));
  });
});

async function* count(limit: number): AsyncGenerator<{ n: number }, void, undefined> {
  for (let n = 0; n < limit; n++) yield { n };
}
