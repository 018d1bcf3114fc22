/** Shows the answers as a table, of which the controls choose the rows. */
import { type Content, element, find } from '../shared/elements.ts';
import { bytesText, rateText, secondsText } from '../shared/quantities.ts';
import type { Asked, Interval, ModelAnswer } from './protocol.ts';

const body = find('#models tbody', HTMLTableSectionElement);
const count = find('#count', HTMLElement);
const filter = find('#filter', HTMLInputElement);
const only = find('#only', HTMLInputElement);
const context = find('#context', HTMLSelectElement);
const kvCache = find('#kv-cache', HTMLSelectElement);

const VERDICTS = { yes: 'Yes', no: 'No', tight: 'Only just', unsupported: 'No' } as const;
/** Tokens a second that most people read. */
const READING_RATE = 5;

let shown: readonly ModelAnswer[] = [];

/** Said in words, since a table that a phone shows as cards is none to some screen readers. */
const ROLES = { table: 'table', 'thead, tbody': 'rowgroup', 'thead tr': 'row', 'thead th': 'columnheader' };

/** Prepares the table. */
export function prepareTable(): void {
  for (const [selector, role] of Object.entries(ROLES)) {
    for (const part of document.querySelectorAll(selector)) part.setAttribute('role', role);
  }
}

/** What the controls ask for. */
export function askedNow(): Asked {
  return { contextLength: Number(context.value), kvCache: kvCache.value as Asked['kvCache'] };
}

/** Calls back when the controls ask for something else; choosing rows is done here. */
export function onAskedOtherwise(ask: () => void): void {
  for (const control of [context, kvCache]) control.addEventListener('change', ask);
  for (const control of [filter, only]) control.addEventListener('input', () => showRows());
  find('#controls', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
}

/** Shows new answers. */
export function showAnswers(answers: readonly ModelAnswer[], promptTokens: number): void {
  shown = answers;
  find('#prompt-tokens', HTMLElement).textContent = String(promptTokens);
  find('#method', HTMLElement).hidden = false;
  showRows();
}

function showRows(): void {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = shown.filter(
    (answer) => answer.isOwn || (isWanted(answer, words) && (!only.checked || runs(answer))),
  );
  const running = rows.filter(runs).length;
  body.replaceChildren(...(rows.length > 0 ? rows.map(rowOf) : [emptyRow()]));
  count.textContent = `${running} of ${rows.length} run here`;
}

function runs({ verdict }: ModelAnswer): boolean {
  return verdict === 'yes' || verdict === 'tight';
}

function isWanted(answer: ModelAnswer, words: readonly string[]): boolean {
  const text = `${answer.name} ${answer.title} ${answer.about}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function emptyRow(): HTMLTableRowElement {
  const cell = element('td', { role: 'cell', colspan: '6', class: 'runs' }, 'No model is like that.');
  return element('tr', { role: 'row' }, cell);
}

function rowOf(answer: ModelAnswer): HTMLTableRowElement {
  const { memoryBytes, downloadBytes, generation, firstToken, verdict } = answer;
  const isOut = verdict === 'no' || verdict === 'unsupported';
  return element(
    'tr',
    { role: 'row', 'data-model': answer.name },
    element('th', { scope: 'row', role: 'rowheader' }, answer.title, small(answer.about)),
    element('td', { role: 'cell', class: 'runs' }, ...verdictOf(answer)),
    cell('Generation', isOut ? undefined : rateOf(generation)),
    cell('First token', isOut ? undefined : firstTokenOf(firstToken)),
    cell('Memory', memoryBytes === undefined ? undefined : memoryOf(memoryBytes, answer.contextLength)),
    cell('Download', downloadBytes === undefined ? undefined : [bytesText(downloadBytes)]),
  );
}

function cell(label: string, contents: readonly Content[] = ['–']): HTMLTableCellElement {
  return element('td', { role: 'cell', 'data-label': label }, ...contents);
}

function small(text: string): Content {
  return element('span', { class: 'small' }, text);
}

/** As high as what comes in its place, so that nothing moves when it does. */
function unmeasured(): Content[] {
  return ['…', small('')];
}

function verdictOf({ verdict, reason, help, generation }: ModelAnswer): Content[] {
  const isSlow = verdict === 'yes' && generation !== undefined && generation.value < READING_RATE;
  const kind = verdict === 'unsupported' ? 'no' : isSlow ? 'tight' : verdict;
  return [
    element('span', { class: `verdict ${kind}` }, isSlow ? 'Yes, slowly' : VERDICTS[verdict]),
    reason === undefined ? undefined : small(reason),
    help.length === 0
      ? undefined
      : element('ul', { class: 'help' }, ...help.map((sentence) => element('li', {}, sentence))),
  ];
}

function rateOf(rate: Interval | undefined): Content[] {
  if (rate === undefined) return unmeasured();
  return [`${rateText(rate.value)} tokens/s`, small(`${rateText(rate.low)} to ${rateText(rate.high)}`)];
}

function firstTokenOf(seconds: Interval | undefined): Content[] {
  if (seconds === undefined) return unmeasured();
  return [secondsText(seconds.value), small(`${secondsText(seconds.low)} to ${secondsText(seconds.high)}`)];
}

function memoryOf(bytes: number, contextLength: number): Content[] {
  return [bytesText(bytes), small(`at ${contextLength.toLocaleString('en')} tokens`)];
}
