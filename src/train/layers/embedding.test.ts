import { test } from 'node:test';
import { embeddingBackward, embeddingForward } from './embedding.ts';
import { GradientBench } from './gradient-bench.test.ts';

test('the gradient of a table is that of finite differences, with a token twice', () => {
  const bench = new GradientBench();
  const { member } = bench;
  const [rows, columns, tokens] = [11, 16, 5];
  const table = bench.random(rows, columns);
  const gradient = bench.zeros(rows, columns);
  const ids = bench.integers([3, 0, 10, 3, 7]);
  const out = bench.zeros(tokens, columns);
  const dOut = bench.random(tokens, columns);
  const plan = { rows, columns, weights: table.address, gradient: gradient.address };
  embeddingBackward(member, plan, ids.address, dOut.address, tokens);
  bench.assertGradient('table', table, gradient, dOut, out, () =>
    embeddingForward(member, plan, out.address, ids.address, tokens),
  );
});
