/** Puts the forecast's answers into the words and figures of the page. */
import {
  type CatalogueEntry,
  type FitAnswer,
  type FitModel,
  parameterCount,
  type UnsupportedModel,
} from 'bitnet.ts/fit';
import type { ModelAnswer } from './protocol.ts';

/** A model with what the page says of it beside the forecast. */
export interface Described {
  readonly model: FitModel;
  readonly title: string;
  readonly about: string;
  readonly downloadBytes: number | undefined;
  readonly isOwn: boolean;
}

/** A model of the catalogue. */
export function describeEntry(entry: CatalogueEntry, model: FitModel): Described {
  const { name, title, kind, licence } = entry;
  const weights = `${countText(parameterCount(entry))} weights`;
  const about = [name, weights, kind, ...(licence === undefined ? [] : [licence])].join(', ');
  return { model, title, about, downloadBytes: model.fileBytes, isOwn: false };
}

/** A file of the user's, which needs no download. */
export function describeFile(model: FitModel): Described {
  const { architecture, name, blockCount } = model.config;
  const about = [...(name === undefined ? [] : [name]), architecture, `${blockCount} layers`].join(', ');
  return { model, title: model.name, about, downloadBytes: undefined, isOwn: true };
}

/** A model that no machine could run with this package. */
export function describeUnsupported({
  name,
  title,
  kind,
  licence,
  unsupported,
}: UnsupportedModel): ModelAnswer {
  return {
    name,
    title,
    about: [name, kind, ...(licence === undefined ? [] : [licence])].join(', '),
    verdict: 'unsupported',
    reason: sentence(unsupported),
    contextLength: 0,
    memoryBytes: undefined,
    downloadBytes: undefined,
    generation: undefined,
    firstToken: undefined,
    help: [],
    isOwn: false,
  };
}

/** What the page shows of an answer. */
export function describeAnswer(
  { title, about, downloadBytes, isOwn }: Described,
  answer: FitAnswer,
): ModelAnswer {
  const { model, question, verdict, reason, memory, speed, advice } = answer;
  return {
    name: model.name,
    title,
    about,
    verdict,
    reason: reason === undefined ? undefined : sentence(reason),
    contextLength: question.contextLength,
    memoryBytes: memory?.plan.total,
    downloadBytes,
    generation: speed?.generation,
    firstToken: speed?.firstTokenSeconds,
    // The table itself shows which others run, and what is faster with other settings; a page has no command line.
    help: (verdict === 'yes' ? [] : advice)
      .filter(({ kind }) => kind !== 'other-model')
      .map((piece) => sentence(piece.sentence.replace(/ \(--[^)]*\)/, ''))),
    isOwn,
  };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}

function countText(count: number): string {
  return count >= 999.5e6 ? `${(count / 1e9).toFixed(1)} B` : `${Math.round(count / 1e6)} M`;
}
