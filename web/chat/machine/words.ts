/** The state of the machine in a few sentences, for those who do not see plots, and for those who want it short. */
import { bytesText, rateText } from '../../shared/quantities.ts';
import type { MachineReading } from '../transport/machine-reading.ts';
import { count } from './figures.ts';
import { meanOf, mostOf, type Sample } from './history.ts';

/** The sentences. */
export function summaryText(
  kind: 'server' | 'device' | undefined,
  latest: MachineReading | undefined,
  samples: readonly Sample[],
  isGone: boolean,
): string {
  if (kind === undefined || latest === undefined) return 'Nothing was told yet.';
  const sentences = [
    speedSentence(samples),
    queueSentence(latest.queue),
    memorySentence(kind, latest),
    cacheSentence(latest),
  ];
  return (isGone ? ['This was so when there was last an answer.', ...sentences] : sentences).join(' ');
}

function speedSentence(samples: readonly Sample[]): string {
  const busy = samples.filter(({ generatedPerSecond }) => (generatedPerSecond ?? 0) > 0);
  const mean = meanOf(busy, ({ generatedPerSecond }) => generatedPerSecond);
  const most = mostOf(busy, ({ generatedPerSecond }) => generatedPerSecond);
  const seconds = Math.round(((samples.at(-1)?.time ?? 0) - (samples[0]?.time ?? 0)) / 1000);
  const when = `In the ${count(seconds, 'second')} that this page looked`;
  if (mean === undefined || most === undefined) return `${when}, no token was generated.`;
  return `${when}, tokens came at ${rateText(mean)} a second on average while there were any, and at ${rateText(most)} at most.`;
}

function queueSentence({ running, waiting }: MachineReading['queue']): string {
  if (running + waiting === 0) return 'Nothing is under way now.';
  const rest = waiting === 0 ? 'and none waits' : `and ${waiting} more wait`;
  return `${running === 1 ? 'One reply is' : `${running} replies are`} under way now, ${rest}.`;
}

function memorySentence(kind: 'server' | 'device', { memory, cpuShare }: MachineReading): string {
  const of = memory.totalBytes === undefined ? '' : ` of ${bytesText(memory.totalBytes)}`;
  const who = kind === 'server' ? 'The server holds' : 'The models of this page hold';
  const processor =
    cpuShare === undefined ? '' : ` and keeps ${Math.round(cpuShare * 100)}\u00a0% of its cores busy`;
  return `${who} ${bytesText(memory.usedBytes)}${of} of memory${processor}.`;
}

function cacheSentence({ kvCache, totals }: MachineReading): string {
  const { usedBytes, heldBytes, totalBytes } = kvCache;
  const read = totals.promptTokens + totals.cachedTokens;
  const share = read === 0 ? undefined : Math.round((totals.cachedTokens / read) * 100);
  const level =
    totalBytes === 0
      ? 'There is no KV cache, since no model is loaded.'
      : `The KV cache keeps ${bytesText(heldBytes)} of ${bytesText(totalBytes)}, ${bytesText(usedBytes)} of it for replies under way.`;
  return share === undefined
    ? level
    : `${level} Since the start, ${share}\u00a0% of all prompt tokens were found there and not computed again.`;
}
