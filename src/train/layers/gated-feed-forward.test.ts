import { test } from 'node:test';
import { Activation } from '../../kernels/kernels.ts';
import { gateBackward, gateForward } from './gated-feed-forward.ts';
import { GradientBench } from './gradient-bench.test.ts';

const [TOKENS, LENGTH] = [3, 32];

for (const [name, activation] of Object.entries(Activation)) {
  test(`gradients of gate and up with ${name} are those of finite differences`, () => {
    const bench = new GradientBench();
    const { member } = bench;
    const place = () => bench.random(TOKENS, LENGTH);
    const [gate, up, dGate, dUp, out, dOut] = [place(), place(), place(), place(), place(), place()];
    gateBackward(
      member,
      activation,
      dGate.address,
      dUp.address,
      dOut.address,
      gate.address,
      up.address,
      LENGTH,
      TOKENS,
    );
    const forward = () =>
      gateForward(member, activation, out.address, gate.address, up.address, LENGTH, TOKENS);
    bench.assertGradient('gate', gate, dGate, dOut, out, forward);
    bench.assertGradient('up', up, dUp, dOut, out, forward);
  });
}
