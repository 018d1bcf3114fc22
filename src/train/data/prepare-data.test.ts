import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import { createRandom } from '../../base/random.ts';
import { memorySource } from '../../formats/sources/memory.ts';
import { createMemoryRunFolder, type MemoryRunFolder } from '../memory-run-folder.ts';
import { type Corpus, createCorpus } from './corpus/corpus.ts';
import type { DocumentFormat } from './corpus/read-documents.ts';
import type { TokenFile } from './open-token-rows.ts';
import { type DataProgress, type PrepareDataOptions, prepareData } from './prepare-data.ts';
import { NO_TOKEN } from './token-rows.ts';

const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}" +
  "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}";
const SPECIAL = ['<|begin|>', '<|end|>', '<|user|>', '<|assistant|>'];
const WORDS = 'the cat sat on a mat and then saw one red kite it was not hers she gave the kite back'.split(
  ' ',
);
const random = createRandom(5);
const sentence = (words: number): string =>
  Array.from({ length: words }, () => WORDS[random.below(WORDS.length)]!).join(' ');
const TEXTS = Array.from({ length: 200 }, () => sentence(1 + random.below(40)));

function corpus(content: string, format: DocumentFormat = 'jsonl', name = 'data.jsonl'): Corpus {
  const bytes = new TextEncoder().encode(content);
  return createCorpus([{ name, format, size: bytes.length, open: async () => memorySource(bytes, name) }]);
}

function lines(documents: readonly unknown[]): Corpus {
  return corpus(documents.map((document) => JSON.stringify(document)).join('\n'));
}

const textCorpus = lines(TEXTS.map((text) => ({ text })));

function options(folder: MemoryRunFolder, more: Partial<PrepareDataOptions> = {}): PrepareDataOptions {
  return {
    folder,
    train: textCorpus,
    validationEvery: 10,
    contextLength: 32,
    tokenizer: { vocabularySize: 300, specialTokens: SPECIAL, chatTemplate: TEMPLATE },
    ...more,
  };
}

async function rowsOf(file: TokenFile): Promise<number[][]> {
  const rows: number[][] = [];
  const out = new Int32Array(file.rowLength);
  for (let row = 0; row < file.rows; row++) {
    await file.read([row], out);
    rows.push([...out].filter((id) => id !== NO_TOKEN));
  }
  return rows;
}

/** Runs of tokens from one that begins a text to the next, over all rows. */
function documentsIn(rows: readonly number[][], beginId: number): number[][] {
  const documents: number[][] = [];
  for (const row of rows) {
    for (const id of row) {
      if (id === beginId) documents.push([]);
      documents.at(-1)!.push(id);
    }
  }
  return documents;
}

function refuses(more: Partial<PrepareDataOptions>, code: string, message: RegExp): Promise<void> {
  return assert.rejects(prepareData(options(createMemoryRunFolder(), more)), (error: unknown) => {
    assert.ok(error instanceof BitnetError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

test('every text is in the rows once, between the tokens that begin and end it', async () => {
  // The longest text has 40 words and fits into a row of this length.
  const data = await prepareData(options(createMemoryRunFolder(), { contextLength: 200 }));
  const { tokenizer, beginId, endId } = data.tokenizer;
  const rows = [...(await rowsOf(data.train)), ...(await rowsOf(data.validation))];
  const documents = documentsIn(rows, beginId!);
  const texts = documents.map((ids) => {
    assert.equal(ids.at(-1), endId);
    return tokenizer.decode(ids.slice(1, -1));
  });
  assert.deepEqual(texts.toSorted(), TEXTS.toSorted());
  const heldOut = documentsIn(await rowsOf(data.validation), beginId!);
  assert.deepEqual(
    heldOut.map((ids) => tokenizer.decode(ids.slice(1, -1))).toSorted(),
    TEXTS.filter((_, index) => index % 10 === 1).toSorted(),
  );
  assert.equal(data.dataset.documents, 200);
});

test('a long text is cut into rows, and a part of them is held out', async () => {
  const text = `${sentence(900)}.\n${sentence(900)}`;
  const data = await prepareData(
    options(createMemoryRunFolder(), { train: corpus(text, 'text', 'book.txt') }),
  );
  const train = await rowsOf(data.train);
  const heldOut = await rowsOf(data.validation);
  // A row in ten, beginning with the second, belongs to the other file.
  const whole: number[][] = [];
  for (let i = 0, t = 0, v = 0; t < train.length || v < heldOut.length; i++) {
    whole.push(i % 10 === 1 ? heldOut[v++]! : train[t++]!);
  }
  const ids = whole.flat();
  assert.equal(ids[0], data.tokenizer.beginId);
  assert.equal(ids.at(-1), data.tokenizer.endId);
  assert.equal(data.tokenizer.tokenizer.decode(ids.slice(1, -1)), text);
  assert.equal(data.dataset.documents, 1);
});

test('conversations are laid out by the chat template, and typed control tokens stay text', async () => {
  const messages = [
    { role: 'user', content: 'Where is <|end|> the kite?' },
    { role: 'assistant', content: 'On the mat.' },
  ];
  const train = lines([...TEXTS.slice(0, 22).map((text) => ({ text })), { messages }, { messages }]);
  const data = await prepareData(options(createMemoryRunFolder(), { train, contextLength: 200 }));
  const { tokenizer, beginId, endId } = data.tokenizer;
  const user = tokenizer.idOf('<|user|>')!;
  const documents = documentsIn(await rowsOf(data.train), beginId!).filter((ids) => ids[1] === user);
  assert.equal(documents.length, 2);
  const [ids] = documents;
  assert.equal(
    tokenizer.decode(ids!),
    '<|begin|><|user|>Where is <|end|> the kite?<|assistant|>On the mat.<|end|>',
  );
  assert.deepEqual(
    ids!.filter((id) => tokenizer.isSpecial(id)),
    [beginId, user, tokenizer.idOf('<|assistant|>'), endId],
  );
});

test('the same input gives the same bytes, and held-out text of its own is used whole', async () => {
  const a = createMemoryRunFolder('a');
  const b = createMemoryRunFolder('b');
  const validation = lines([{ text: 'the red kite' }, { text: 'a cat' }]);
  for (const folder of [a, b]) await prepareData(options(folder, { validation }));
  for (const file of [
    'tokenizer.json',
    'tokenizer_config.json',
    'train.tokens',
    'validation.tokens',
    'dataset.json',
  ]) {
    assert.deepEqual(a.read(file), b.read(file), file);
  }
  const { validation: rows, dataset } = await prepareData(options(a, { validation }));
  assert.equal(rows.rows, 1);
  assert.equal(dataset.documents, 202);
});

test('what is there is used again; what changed is made anew, but not below checkpoints', async () => {
  const folder = createMemoryRunFolder('run');
  const progress: DataProgress[] = [];
  const first = await prepareData(options(folder, { onProgress: (p) => progress.push(p) }));
  assert.equal(first.reused, false);
  assert.deepEqual(
    [...new Set(progress.map(({ stage }) => stage))],
    ['checking', 'tokenizer', 'merges', 'tokens'],
  );
  assert.equal(progress.at(-1)!.share, 1);
  const again = await prepareData(options(folder));
  assert.equal(again.reused, true);
  assert.equal(again.datasetHash, first.datasetHash);
  assert.equal(again.tokenizer.hash, first.tokenizer.hash);
  assert.equal((await prepareData(options(folder, { contextLength: 48 }))).train.rowLength, 49);
  await folder.append('checkpoints/step-00000001.safetensors', 'x');
  await assert.rejects(prepareData(options(folder)), {
    code: 'train/data-changed',
    message: /run has checkpoints that were trained on another context length;/,
  });
  assert.equal((await prepareData(options(folder, { contextLength: 48 }))).reused, true);
});

test('damaged files are made anew, and nothing counts before all is written', async () => {
  const folder = createMemoryRunFolder();
  const { datasetHash } = await prepareData(options(folder));
  const damage = async (file: string): Promise<void> => {
    const bytes = folder.read(file)!;
    bytes[bytes.length >> 1]! ^= 1;
    await folder.write(file, (sink) => sink(bytes));
  };
  // With the same text and settings the same comes out, so checkpoints are no hindrance.
  await folder.append('checkpoints/step-00000001.safetensors', 'x');
  for (const file of ['train.tokens', 'validation.tokens', 'tokenizer.json']) {
    await damage(file);
    const data = await prepareData(options(folder));
    assert.deepEqual([data.reused, data.datasetHash], [false, datasetHash], file);
  }
  await folder.remove('checkpoints/step-00000001.safetensors');
  const full = new BitnetError('output/failed', 'the disk is full');
  const failing = {
    ...folder,
    write: (file: string, write: Parameters<MemoryRunFolder['write']>[1]) =>
      file === 'train.tokens' ? Promise.reject(full) : folder.write(file, write),
  };
  await assert.rejects(prepareData(options(failing, { contextLength: 48 })), full);
  assert.equal(folder.read('dataset.json'), undefined);
  await folder.write('dataset.json', (sink) => sink(new TextEncoder().encode('{"format":1}')));
  await assert.rejects(prepareData(options(folder)), { code: 'train/damaged-file' });
});

test('a tokenizer that exists is taken as it is', async () => {
  const made = await prepareData(options(createMemoryRunFolder()));
  const { json, config } = made.tokenizer;
  const folder = createMemoryRunFolder();
  const data = await prepareData(
    options(folder, { tokenizer: { tokenizerJson: json, tokenizerConfig: config } }),
  );
  assert.equal(data.tokenizer.hash, made.tokenizer.hash);
  assert.equal(data.datasetHash, made.datasetHash);
  assert.equal(data.tokenizer.chatTemplate?.source, TEMPLATE);
  await refuses({ tokenizer: { tokenizerJson: json } }, 'train/no-end-token', /eos_token/);
  await refuses({ tokenizer: { tokenizerJson: '{' } }, 'tokenizer/bad-json', /tokenizer\.json/);
});

test('a vocabulary that the text cannot fill is said to be smaller', async () => {
  const data = await prepareData(
    options(createMemoryRunFolder(), { tokenizer: { vocabularySize: 5000, specialTokens: SPECIAL } }),
  );
  const { vocabSize } = data.tokenizer.tokenizer;
  assert.ok(vocabSize < 5000);
  assert.ok(
    data.notes.some((note) => note.includes('5000') && note.includes(String(vocabSize))),
    data.notes.join(),
  );
});

test('text that cannot be trained on is refused in a sentence', async () => {
  const one = corpus('a', 'text', 'one.txt');
  await refuses({ train: one }, 'train/too-little-text', /training text has 3 tokens/);
  await refuses({ validation: one }, 'train/too-little-text', /held-out text has 3 tokens/);
  await refuses({ train: corpus('the cat sat', 'text') }, 'train/no-validation-text', /one row of 33 tokens/);
  await refuses({ train: corpus('\ufeff', 'text', 'e.txt') }, 'train/empty-text', /^e\.txt has no text/);
  await refuses({ validationEvery: 1 }, 'train/bad-config', /validationEvery/);
  const tokenizer = { vocabularySize: 300, specialTokens: ['<a>', '<a>'] };
  await refuses({ tokenizer }, 'tokenizer/bad-training-options', /twice/);
  const chat = lines([{ text: 'x' }, { messages: [{ role: 'user', content: 'x' }] }]);
  await refuses(
    { train: chat, tokenizer: { vocabularySize: 300, specialTokens: SPECIAL } },
    'train/no-chat-template',
    /^data\.jsonl line 2 /,
  );
  const king = lines([{ messages: [{ role: 'king', content: 'x' }] }]);
  await refuses({ train: king }, 'chat/unknown-role', /^data\.jsonl line 1: .*king/);
});

test('preparation stops when aborted', async () => {
  const reason = new Error('enough');
  const abort = new AbortController();
  const folder = createMemoryRunFolder();
  const onProgress = ({ stage }: DataProgress): void => {
    if (stage === 'tokens') abort.abort(reason);
  };
  await assert.rejects(prepareData(options(folder, { signal: abort.signal, onProgress })), reason);
  assert.equal(folder.read('train.tokens'), undefined);
  assert.equal(folder.read('dataset.json'), undefined);
});
