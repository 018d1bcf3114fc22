import { test } from 'node:test';
import { RopeStyle } from '../../kernels/kernels.ts';
import { fillRopeTable } from '../../model/rope-table.ts';
import { GradientBench } from './gradient-bench.test.ts';
import { fillBackTable, rotaryBackward, rotaryForward } from './rotary.ts';

const [TOKENS, HEADS, LENGTH, FIRST] = [6, 2, 16, 2];

for (const [name, style] of Object.entries(RopeStyle)) {
  test(`the gradient of heads turned in the style ${name} is that of finite differences`, () => {
    const bench = new GradientBench();
    const { member } = bench;
    const table = bench.doubles((FIRST + TOKENS) * LENGTH);
    const back = bench.doubles((FIRST + TOKENS) * LENGTH);
    fillRopeTable(table.values, FIRST + TOKENS, LENGTH, 100);
    fillBackTable(back.values, table.values, LENGTH);
    const positions = bench.integers(Array.from({ length: FIRST + TOKENS }, (_, t) => t)).address;
    const rotary = { table: table.address, backTable: back.address, positions, style, headLength: LENGTH };
    const x = bench.random(TOKENS, HEADS, LENGTH);
    const dx = bench.zeros(TOKENS, HEADS, LENGTH);
    const out = bench.zeros(TOKENS, HEADS, LENGTH);
    const dOut = bench.random(TOKENS, HEADS, LENGTH);
    rotaryBackward(member, rotary, dx.address, dOut.address, HEADS, FIRST, TOKENS);
    bench.assertGradient('x', x, dx, dOut, out, () =>
      rotaryForward(member, rotary, out.address, x.address, HEADS, FIRST, TOKENS),
    );
  });
}
