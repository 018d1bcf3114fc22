/**
 * The page `can-run`: it has a worker measure the device and judge the models, and shows what the worker says. Nothing is
 * computed here, so the page answers to its user all the time.
 */
import { find } from '../shared/elements.ts';
import {
  onMeasureAgain,
  showFacts,
  showLimits,
  showMeasureFault,
  showProgress,
  showRates,
} from './device-view.ts';
import { askedNow, onAskedOtherwise, prepareTable, showAnswers } from './models-view.ts';
import type { FromWorker, ToWorker } from './protocol.ts';

const fault = find('#fault', HTMLElement);
const picker = find('#file', HTMLInputElement);

const worker = new Worker(new URL('./judge.ts', import.meta.url), { type: 'module' });
worker.addEventListener('message', ({ data }) => show(data as FromWorker));
worker.addEventListener('error', ({ message }) => {
  showMeasureFault(
    `the worker of this page ended${message ? ` (${message})` : ''}; reload the page to try again.`,
  );
});

onMeasureAgain(measure);
onAskedOtherwise(() => tell({ kind: 'ask', asked: askedNow() }));
picker.addEventListener('change', () => {
  const file = picker.files?.[0];
  fault.textContent = '';
  if (file !== undefined) tell({ kind: 'file', file });
  // So that the same file can be chosen again.
  picker.value = '';
});

showLimits();
prepareTable();
tell({ kind: 'ask', asked: askedNow() });
whenVisible(measure);

function measure(): void {
  showProgress(0);
  tell({ kind: 'measure' });
}

function tell(message: ToWorker): void {
  worker.postMessage(message);
}

/** Browsers slow down what nobody looks at. */
function whenVisible(run: () => void): void {
  if (document.visibilityState === 'visible') run();
  else document.addEventListener('visibilitychange', run, { once: true });
}

function show(message: FromWorker): void {
  if (message.kind === 'device') showFacts(message.facts);
  else if (message.kind === 'progress') showProgress(message.share);
  else if (message.kind === 'measured') showRates(message.rates);
  else if (message.kind === 'answers') showAnswers(message.answers, message.promptTokens);
  else if (message.of === 'measure') showMeasureFault(message.sentence);
  else fault.textContent = message.sentence;
}
