import { describe, test } from 'node:test';
import {
  attentionBackward,
  attentionForward,
  fillBlockTable,
  storeHeads,
  trainingBlockBytes,
} from './attention.ts';
import { GradientBench } from './gradient-bench.test.ts';

const HEAD_LENGTH = 16;

/** Compares all three gradients of attention over sequences of one length. */
function check(headCount: number, headCountKv: number, count: number, length: number): void {
  const bench = new GradientBench();
  const { member } = bench;
  const blockBytes = trainingBlockBytes(headCountKv, HEAD_LENGTH);
  const blocks = bench.doubles(count * Math.ceil(length / 64));
  const first = bench.zeros((blocks.values.length * blockBytes) / 4).address;
  fillBlockTable(blocks.values, first, blockBytes);
  const plan = { headCount, headCountKv, headLength: HEAD_LENGTH, blocks: blocks.address, positions: length };
  const sequences = { count, length };
  const tokens = count * length;
  const heads = (place: (...shape: number[]) => { address: number; length: number }) => ({
    q: place(tokens, headCount * HEAD_LENGTH),
    k: place(tokens, headCountKv * HEAD_LENGTH),
    v: place(tokens, headCountKv * HEAD_LENGTH),
  });
  const addresses = ({ q, k, v }: ReturnType<typeof heads>) => ({
    q: q.address,
    k: k.address,
    v: v.address,
  });
  const inputs = heads((...shape) => bench.random(...shape));
  // What was there before is written over.
  const gradients = heads((...shape) => bench.random(...shape));
  const out = bench.zeros(tokens, headCount * HEAD_LENGTH);
  const dOut = bench.random(tokens, headCount * HEAD_LENGTH);
  attentionBackward(member, plan, sequences, addresses(gradients), dOut.address, addresses(inputs));
  const forward = () => {
    storeHeads(member, plan, sequences, addresses(inputs), 0, tokens);
    attentionForward(member, plan, sequences, out.address, inputs.q.address);
  };
  for (const part of ['q', 'k', 'v'] as const) {
    bench.assertGradient(part, inputs[part], gradients[part], dOut, out, forward);
  }
}

describe('gradients of queries, keys and values are those of finite differences', () => {
  test('in one short sequence', () => check(1, 1, 1, 5));
  test('with query heads that share keys, in several sequences', () => check(4, 2, 3, 16));
  test('over more than one block of query rows, and of the cache', () => check(2, 1, 1, 150));
});
