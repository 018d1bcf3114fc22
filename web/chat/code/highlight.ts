/** Asks the worker for the colours of code. It is started when the first code is there, and ended when it takes too long. */
import type { CodeRun } from './code-parts.ts';
import type { HighlightAnswer, HighlightRequest } from './highlight-worker.ts';

const MAX_LENGTH = 50_000;
const PATIENCE_MS = 4000;

interface Waiting {
  readonly request: HighlightRequest;
  readonly resolve: (parts: HighlightAnswer['parts']) => void;
}

const queue: Waiting[] = [];
let worker: Worker | undefined;
let patience: ReturnType<typeof setTimeout> | undefined;
let lastId = 0;

/**
 * The code in coloured parts, as {@link splitCode} divides it; undefined where there are no colours: for an unknown language,
 * for much code, or when it takes too long.
 */
export function highlight(
  language: string,
  code: string,
): Promise<readonly (readonly CodeRun[])[] | undefined> {
  if (language === '' || code.length > MAX_LENGTH) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    queue.push({ request: { id: ++lastId, language: language.toLowerCase(), code }, resolve });
    if (queue.length === 1) askNext();
  });
}

function askNext(): void {
  const next = queue[0];
  if (next === undefined) return;
  worker ??= startWorker();
  worker.postMessage(next.request);
  patience = setTimeout(giveUp, PATIENCE_MS);
}

function startWorker(): Worker {
  const started = new Worker(new URL('./highlight-worker.ts', import.meta.url), { type: 'module' });
  started.onmessage = ({ data }: MessageEvent<HighlightAnswer>) => {
    if (data.id === queue[0]?.request.id) settle(data.parts);
  };
  started.onerror = giveUp;
  return started;
}

function giveUp(): void {
  worker?.terminate();
  worker = undefined;
  settle(undefined);
}

function settle(parts: HighlightAnswer['parts']): void {
  clearTimeout(patience);
  queue.shift()?.resolve(parts);
  askNext();
}
