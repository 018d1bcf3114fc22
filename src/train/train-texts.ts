/**
 * Training for programs, in Node and in browsers: a recipe and texts in memory or files that a user has picked. The
 * command line does the same with paths (src/cli/train/), and shows it.
 */
import { hasSharedMemory } from '#platform';
import { blobSource } from '../formats/sources/blob.ts';
import type { BackendName } from '../kernels/backend-name.ts';
import { defaultThreads } from '../kernels/team/default-threads.ts';
import { checkConfig } from './check-config.ts';
import type { TokenizerConfig } from './config.ts';
import { badConfig } from './config-fields.ts';
import { type Corpus, createCorpus } from './data/corpus/corpus.ts';
import { formatOf, TEXT_SUFFIXES } from './data/corpus/read-documents.ts';
import { type DataProgress, prepareData } from './data/prepare-data.ts';
import type { TokenizerSource } from './data/run-tokenizer.ts';
import type { RunFolder } from './run-folder.ts';
import { openSession, type TrainingSession } from './session.ts';

/** A text to train on. */
export interface TrainingText {
  /** Ends with .txt or .md for one document, with .jsonl for one in each line. */
  readonly name: string;
  readonly content: string | Blob;
}

/** What to train. */
export interface TrainingOptions {
  /** As docs/training.md has it, without `data.train` and `data.validation`, and without names of other files. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly texts: readonly TrainingText[];
  /** Held out; a part of the texts by default. */
  readonly validation?: readonly TrainingText[];
  /** The content of a tokenizer.json, and of the tokenizer_config.json beside it; one is trained by default. */
  readonly tokenizerJson?: string;
  readonly tokenizerConfig?: string;
  /** Jinja; for conversations, and for the model. */
  readonly chatTemplate?: string;
  /** Where everything goes that is to last. A run that is there already is gone on with. */
  readonly folder: RunFolder;
  /** The fastest that works here, by default. */
  readonly backend?: BackendName;
  /** Worker threads; all that the machine has, up to 8, or none where threads cannot share memory. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DataProgress) => void;
}

/**
 * Prepares texts and a model for training, or goes on with the run that the folder holds.
 *
 * @throws BitnetError `train/bad-config`, as prepareData and openSession; the reason of the signal when aborted
 */
export async function openTraining(options: TrainingOptions): Promise<TrainingSession> {
  const { recipe, texts, validation = [], folder, backend, signal, onProgress } = options;
  const names = (some: readonly TrainingText[]) => some.map(({ name }) => name);
  const given = recipe.data === undefined ? {} : recipe.data;
  const named = { train: names(texts), validation: names(validation) };
  const data = typeof given === 'object' && !Array.isArray(given) ? { ...given, ...named } : given;
  const config = checkConfig({ ...recipe, data }, 'the recipe');
  const prepared = await prepareData({
    folder,
    train: corpusOf(texts),
    ...(validation.length === 0 ? {} : { validation: corpusOf(validation) }),
    validationEvery: config.data.validationEvery,
    contextLength: config.model.contextLength,
    tokenizer: tokenizerSourceOf(config.tokenizer, options),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const close = async () => {
    await prepared.train.close();
    await prepared.validation.close();
  };
  try {
    const threads = hasSharedMemory ? (options.threads ?? defaultThreads()) : 0;
    const session = await openSession({ config, data: prepared, folder, backend, threads });
    return withData(session, prepared.notes, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** A session that closes its data when it ends. */
function withData(
  session: TrainingSession,
  notes: readonly string[],
  close: () => Promise<void>,
): TrainingSession {
  return {
    ...session,
    get step() {
      return session.step;
    },
    notes: [...notes, ...session.notes],
    async dispose() {
      await session.dispose();
      await close();
    },
  };
}

function corpusOf(texts: readonly TrainingText[]): Corpus {
  const files = texts.map(({ name, content }) => {
    const blob = typeof content === 'string' ? new Blob([content]) : content;
    const format = formatOf(name);
    if (format === undefined) {
      throw badConfig(
        'the recipe',
        `the text "${name}" has to be called something with ${TEXT_SUFFIXES} at its end`,
      );
    }
    return { name, format, size: blob.size, open: async () => blobSource(blob, name) };
  });
  return createCorpus(files);
}

function tokenizerSourceOf(tokenizer: TokenizerConfig, options: TrainingOptions): TokenizerSource {
  const { tokenizerJson, tokenizerConfig, chatTemplate } = options;
  if ('file' in tokenizer || tokenizer.chatTemplate !== undefined) {
    throw badConfig(
      'the recipe',
      'tokenizer.file and tokenizer.chatTemplate name files; give what they hold as tokenizerJson and chatTemplate',
    );
  }
  const template = chatTemplate === undefined ? {} : { chatTemplate };
  if (tokenizerJson === undefined) {
    const { vocabularySize, specialTokens } = tokenizer;
    return { vocabularySize, specialTokens, ...template };
  }
  return { tokenizerJson, ...(tokenizerConfig === undefined ? {} : { tokenizerConfig }), ...template };
}
