/** Shows the device: what the browser tells of it, how far the measurement is, and what it found. */
import { find } from '../shared/elements.ts';
import { bytesText, rateText } from '../shared/quantities.ts';
import type { DeviceFacts, DeviceRates } from './protocol.ts';

const status = find('#status', HTMLElement);
const note = find('#note', HTMLElement);
const progress = find('#progress', HTMLProgressElement);
const again = find('#measure', HTMLButtonElement);

/** Calls back when the user wants it measured again. */
export function onMeasureAgain(measure: () => void): void {
  again.addEventListener('click', measure);
}

/** What is known at once. */
export function showFacts({ cores, threads, backend }: DeviceFacts): void {
  setFact('cores', String(cores));
  setFact('threads', String(threads));
  setFact('memory', memoryText());
  setFact('backend', BACKENDS[backend] ?? backend);
}

/** Says what keeps this page from using the whole device; known before anything is asked. */
export function showLimits(): void {
  note.textContent = noteOn(navigator.hardwareConcurrency);
}

/** A measurement begins, or is as far as `share` of the whole. */
export function showProgress(share: number): void {
  again.disabled = true;
  progress.classList.remove('over');
  // One step that takes it all says nothing of how far it is.
  if (share > 0) progress.value = share;
  else progress.removeAttribute('value');
  const text = 'Measuring with the kernels that would run…';
  // Said once: each change of it is read out by screen readers.
  if (status.textContent !== text) status.textContent = text;
}

/** The measurement is done. */
export function showRates({ threads, decodeBytesPerSecond, prefillMacsPerSecond }: DeviceRates): void {
  setFact('decode', `${bytesText(decodeBytesPerSecond)}/s`);
  setFact('prefill', `${rateText(prefillMacsPerSecond / 1e9)} G/s`);
  end(`Measured on ${threads === 1 ? 'one thread' : `${threads} threads`}.`);
}

/** The measurement did not work. */
export function showMeasureFault(sentence: string): void {
  setFact('decode', '–');
  setFact('prefill', '–');
  end(`It could not be measured: ${sentence}`);
}

function end(text: string): void {
  again.disabled = false;
  progress.classList.add('over');
  status.textContent = text;
}

const BACKENDS: Readonly<Record<string, string>> = {
  'wasm-relaxed': 'relaxed SIMD',
  'wasm-simd': 'SIMD',
  reference: 'without SIMD',
};

/** In GiB, rounded, and 8 may stand for all that is more. */
function memoryText(): string {
  const { deviceMemory } = navigator as Navigator & { readonly deviceMemory?: number };
  if (deviceMemory === undefined) return 'not told';
  return deviceMemory >= 8 ? `${deviceMemory} GiB or more` : `about ${deviceMemory} GiB`;
}

function noteOn(cores: number): string {
  if (cores === 1 || crossOriginIsolated) return '';
  const remedy = isSecureContext
    ? 'its host does not send the headers for that (COOP and COEP), as "bitnet serve" does'
    : 'that takes HTTPS, or the name localhost';
  return `This page may use one of the ${cores} cores only: threads need a page that is cross-origin isolated, and ${remedy}. With all cores it would be faster.`;
}

function setFact(name: string, text: string): void {
  find(`[data-fact="${name}"]`, HTMLElement).textContent = text;
}
