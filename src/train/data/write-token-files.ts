/** Encodes the documents of a run, packs them into rows and writes the two files of tokens, all in one pass. */
import { BitnetError } from '../../base/errors.ts';
import type { ByteSink } from '../../formats/tensor-output.ts';
import type { RunFolder } from '../run-folder.ts';
import type { Corpus, OnBytes } from './corpus/corpus.ts';
import { TRAIN_FILE, VALIDATION_FILE } from './dataset.ts';
import { encodeDocument } from './encode-documents.ts';
import { RowPacker } from './row-packer.ts';
import type { RunTokenizer } from './run-tokenizer.ts';
import { type ShardSummary, ShardWriter } from './shard-writer.ts';

/** What to write. */
export interface TokenFilesTask {
  readonly folder: RunFolder;
  readonly train: Corpus;
  /** Undefined: hold out a part of the training text. */
  readonly validation: Corpus | undefined;
  readonly validationEvery: number;
  readonly rowLength: number;
  readonly tokenizer: RunTokenizer;
  readonly signal: AbortSignal | undefined;
  readonly onBytes: OnBytes;
}

/** What was written. */
export interface TokenFiles {
  readonly documents: number;
  readonly files: { readonly [fileName: string]: ShardSummary };
}

/** Rows on their way into a file. */
interface Target {
  readonly writer: ShardWriter;
  readonly packer: RowPacker;
  tokens: number;
}

/**
 * Writes `train.tokens` and `validation.tokens`; neither is there unless both are whole.
 *
 * @throws BitnetError as prepareData
 */
export async function writeTokenFiles(task: TokenFilesTask): Promise<TokenFiles> {
  const { folder } = task;
  let written: TokenFiles | undefined;
  await folder.write(TRAIN_FILE, (trainSink) =>
    folder.write(VALIDATION_FILE, async (validationSink) => {
      written = await writeBoth(task, trainSink, validationSink);
    }),
  );
  return written!;
}

async function writeBoth(
  task: TokenFilesTask,
  trainSink: ByteSink,
  validationSink: ByteSink,
): Promise<TokenFiles> {
  const { train, validation, onBytes } = task;
  const training = await openTarget(task, trainSink);
  const heldOut = await openTarget(task, validationSink);
  let pieces = 0;
  // Not the first of each group: a text of two pieces has one for each purpose.
  const isHeldOut = (): boolean => validation === undefined && pieces++ % task.validationEvery === 1;
  let documents = await pack(task, train, onBytes, () => (isHeldOut() ? heldOut : training));
  if (validation !== undefined) {
    documents += await pack(
      task,
      validation,
      (read) => onBytes(train.bytes + read),
      () => heldOut,
    );
  }
  checkEnough(task, training, heldOut);
  return {
    documents,
    files: { [TRAIN_FILE]: await finish(training), [VALIDATION_FILE]: await finish(heldOut) },
  };
}

async function openTarget({ tokenizer, rowLength }: TokenFilesTask, sink: ByteSink): Promise<Target> {
  const writer = new ShardWriter(sink, {
    rowLength,
    vocabularySize: tokenizer.tokenizer.vocabSize,
    tokenizerHash: tokenizer.hash,
  });
  await writer.begin();
  return { writer, packer: new RowPacker(rowLength, (row) => writer.add(row)), tokens: 0 };
}

/** Packs all documents of a corpus and answers how many there are. */
async function pack(
  { tokenizer, rowLength, signal }: TokenFilesTask,
  corpus: Corpus,
  onBytes: OnBytes,
  choose: () => Target,
): Promise<number> {
  let documents = 0;
  for await (const document of corpus.documents(signal, onBytes)) {
    signal?.throwIfAborted();
    documents++;
    for await (const piece of encodeDocument(document, tokenizer, rowLength)) {
      const target = choose();
      target.packer.add(piece);
      target.tokens += piece.length;
      await target.writer.flush();
    }
  }
  return documents;
}

function checkEnough(task: TokenFilesTask, training: Target, heldOut: Target): void {
  const isDivided = task.validation === undefined;
  const ends = task.tokenizer.beginId === undefined ? 1 : 2;
  const tooLittle = (tokens: number, what: string): BitnetError =>
    new BitnetError(
      'train/too-little-text',
      `the ${what} has ${tokens} tokens with those that begin and end it; a prediction needs at least 2 of text; give more`,
    );
  const all = training.tokens + (isDivided ? heldOut.tokens : 0);
  if (all < ends + 2) throw tooLittle(all, 'training text');
  if (!isDivided && heldOut.tokens < ends + 2) throw tooLittle(heldOut.tokens, 'held-out text');
  if (heldOut.tokens >= 2 && training.tokens >= 2) return;
  throw new BitnetError(
    'train/no-validation-text',
    `the training text is too short to hold out a part of it: all of it fits into one row of ${task.rowLength} tokens; give ` +
      'more text, name held-out text in data.validation, or choose a shorter context',
  );
}

async function finish({ packer, writer }: Target): Promise<ShardSummary> {
  packer.finish();
  return writer.end();
}
