/**
 * Where a sequence finds the keys and values of its first tokens: in the prefix cache, in a sequence that runs, or, when
 * one of those is about to compute them, nowhere yet: then it is cheaper to wait for that than to compute them twice.
 */
import { BLOCK, type Prefix, type PrefixCache } from './prefix-cache.ts';
import type { SequenceTask } from './sequence-task.ts';

/**
 * Fewer positions are neither waited for nor shared within a block, which is copied as soon as one of those that share it
 * writes to it.
 */
const LEAST_SHARED = 16;

/** What there is for a sequence. */
export interface PrefixSource {
  /** What can be forked now. */
  readonly prefix: Prefix | undefined;
  /** Who will hold more of it that is worth waiting for, once it has computed that many positions. */
  readonly leader: { readonly task: SequenceTask; readonly positions: number } | undefined;
}

/** The best source for a sequence that waits. */
export function findPrefix(
  task: SequenceTask,
  running: Iterable<SequenceTask>,
  prefixes: PrefixCache,
): PrefixSource {
  const { tokens, usablePrefix } = task;
  let prefix = prefixes.find(tokens, usablePrefix);
  let leader: PrefixSource['leader'];
  for (const other of running) {
    const common = worthwhile(commonPrefix(tokens, other.tokens, usablePrefix));
    const now = worthwhile(Math.min(common, other.computed));
    if (other.cache !== undefined && now > (prefix?.positions ?? 0)) {
      prefix = { cache: other.cache, positions: now };
    }
    // Who has its prompt scored gets on slowly, since there is room for few outputs in a step.
    const isAhead = !other.isGenerating && !other.isScoring && common > other.computed;
    if (isAhead && common > (leader?.positions ?? 0)) leader = { task: other, positions: common };
  }
  const isWorthWaiting = leader !== undefined && leader.positions >= (prefix?.positions ?? 0) + LEAST_SHARED;
  return { prefix, leader: isWorthWaiting ? leader : undefined };
}

/** Whether a sequence has to wait for its leader still. */
export function followsLeader({ leader }: SequenceTask): boolean {
  if (leader === undefined) return false;
  const { task, positions } = leader;
  return task.state === 'running' && task.computed < positions;
}

function worthwhile(positions: number): number {
  const inBlock = positions % BLOCK;
  return inBlock < LEAST_SHARED ? positions - inBlock : positions;
}

function commonPrefix(a: readonly number[], b: readonly number[], most: number): number {
  const end = Math.min(most, b.length);
  let common = 0;
  while (common < end && a[common] === b[common]) common++;
  return common;
}
