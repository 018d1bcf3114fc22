/** The routes under /inside, over real HTTP: what they answer is what bitnet.ts/inside finds, and what is wrong is said in one sentence. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { loadModel } from '#src/index.js';
import { Inside } from '#src/inside/inside.js';
import type { InsideOverview, ValueCounts } from '#src/inside/inside-facts.js';
import { listen } from '#src/server/listen.js';
import { createServer } from '#src/server/server.js';
import { TINY_TALES } from './test-server.js';

const KEY = 'key-of-the-test';
const server = createServer({ models: [{ id: 'tiny', source: TINY_TALES }], apiKeys: [KEY] });
const listening = await listen(server, { port: 0 });
const model = await loadModel(TINY_TALES);
const inside = new Inside(model);
after(async () => {
  await listening.close();
  await model.dispose();
});

function ask(path: string, body?: unknown): Promise<Response> {
  return fetch(new URL(path, listening.urls[0]), {
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
}

async function refusalOf(response: Response): Promise<{ status: number; message: string }> {
  const { error } = (await response.json()) as { error: { message: string } };
  return { status: response.status, message: error.message };
}

test('the overview and the counts are those of the model', async () => {
  const overview = (await (await ask('/inside?model=tiny')).json()) as InsideOverview;
  assert.deepEqual(overview, JSON.parse(JSON.stringify(inside.overview('tiny'))));
  assert.equal(overview.matrices.length, 7 * overview.layers);
  assert.deepEqual(await (await ask('/inside')).json(), overview, 'the first model where none is named');

  const counted = await ask('/inside/counts?model=tiny');
  assert.match(counted.headers.get('content-type') ?? '', /x-ndjson/);
  const counts = (await counted.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ValueCounts);
  assert.equal(counts.length, overview.matrices.length);
  for (const [i, { rows, columns, layer, name }] of overview.matrices.entries()) {
    const { minusOne, zero, plusOne, ...place } = counts[i]!;
    assert.deepEqual(place, { layer, name });
    assert.equal(minusOne + zero + plusOne, rows * columns);
  }
});

test('tiles and shares are bytes', async () => {
  const request = { layer: 1, name: 'up', row: 2, rows: 40, column: 5, columns: 60, step: 3 } as const;
  const query = 'layer=1&matrix=up&row=2&rows=40&column=5&columns=60&step=3';
  const tile = await ask(`/inside/tile?${query}`);
  assert.equal(tile.headers.get('content-type'), 'application/octet-stream');
  assert.deepEqual(new Int8Array(await tile.arrayBuffer()), await inside.tile(request));
  const shares = await ask(`/inside/shares?${query}`);
  assert.deepEqual(new Uint8Array(await shares.arrayBuffer()), await inside.shares(request));
});

test('a dot product is the one of the text', async () => {
  const body = { model: 'tiny', layer: 0, matrix: 'down', row: 7, text: 'Once upon a time' };
  const product = await (await ask('/inside/dot', body)).json();
  const expected = await inside.dot({ layer: 0, name: 'down' }, 7, 'Once upon a time');
  const { input, quantised, weights } = expected;
  // JSON has no -0.
  const lists = { input: [...input], quantised: [...quantised], weights: [...weights] };
  assert.deepEqual(product, JSON.parse(JSON.stringify({ ...expected, ...lists })));
  assert.equal(expected.tokens.join('').includes('upon'), true);
});

test('what is wrong is said in one sentence', async () => {
  assert.equal((await fetch(new URL('/inside', listening.urls[0]))).status, 401);
  assert.equal((await refusalOf(await ask('/inside?model=none'))).status, 404);
  const tile = '/inside/tile?layer=0&matrix=q&row=0&rows=8&column=0&columns=8';
  for (const [path, expected] of [
    ['/inside?modle=tiny', /modle is not a parameter/],
    [tile.replace('layer=0', 'layer=-1'), /layer must be a whole number/],
    [tile.replace('layer=0', 'layer=99'), /layer 99; layers go from 0/],
    [tile.replace('matrix=q', 'matrix=x'), /matrix is "x", and must be "q" or/],
    [tile.replace('rows=8', 'rows=0'), /rows is 0/],
    [tile.replace('rows=8', 'rows=100000'), /the matrix has \d+ rows/],
    [tile.replace('&rows=8', ''), /rows must be a whole number/],
    [`${tile}&step=0`, /step is 0/],
  ] as const) {
    const { status, message } = await refusalOf(await ask(path));
    assert.equal(status, 400, path);
    assert.match(message, expected);
  }
  const dot = { layer: 0, matrix: 'q', row: 0, text: 'a' };
  for (const [body, expected] of [
    [{ ...dot, row: 1e6 }, /row 1000000 is asked for/],
    [{ ...dot, row: 0.5 }, /row must be a whole number/],
    [{ ...dot, text: 'a'.repeat(2001) }, /text has 2001 characters/],
    [{ ...dot, text: 1 }, /text is 1, and must be a string/],
    [{ ...dot, more: 1 }, /more is not a parameter/],
  ] as const) {
    const { status, message } = await refusalOf(await ask('/inside/dot', body));
    assert.equal(status, 400);
    assert.match(message, expected);
  }
  assert.equal((await ask('/inside', {})).status, 405);
});
