/** The gate of a feed-forward block, out = activation(gate) * up, forward and backward over some tokens of a pass. */
import type { Activation } from '../../kernels/activation.ts';
import { rowStride } from '../../kernels/kernels.ts';
import type { Member } from '../../kernels/team/member.ts';

/** out [n][length] = activation(gate) * up */
export function gateForward(
  { kernels }: Member,
  activation: Activation,
  out: number,
  gate: number,
  up: number,
  length: number,
  n: number,
): void {
  kernels.gate(out, gate, up, activation, rowStride(length), n, 0, length);
}

/** dGate, dUp [n][length] from dOut, and gate and up as they were. */
export function gateBackward(
  { kernels }: Member,
  activation: Activation,
  dGate: number,
  dUp: number,
  dOut: number,
  gate: number,
  up: number,
  length: number,
  n: number,
): void {
  kernels.gateBackward(dGate, dUp, dOut, gate, up, activation, 0, n * rowStride(length));
}
