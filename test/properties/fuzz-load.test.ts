/**
 * Damaged models, loaded whole: what loads has to generate and score without a crash, with ids of its vocabulary and
 * without touching memory that is not its own; what does not load has to say so in one BitnetError. Small files never
 * make the heap large. BITNET_FUZZ_RUNS is the number of inputs per model (default 100), BITNET_FUZZ_SEED their seed; a
 * failure names both.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BitnetError } from '#src/base/errors.js';
import { type LoadOptions, loadModel, type Model } from '#src/engine/model.js';
import type { ModelSource } from '#src/engine/source.js';
import { usableVariants } from '#src/kernels/native/load.js';
import { damagedFolder, writeFolder } from './draft-folder.js';
import { damagedDraft, draftGguf, writeDraft } from './draft-gguf.js';
import { below, mutated, pick, type Random, seededRandom } from './mutate.js';
import {
  checkZones,
  FIRST_PATTERN,
  forgetHeaps,
  OTHER_PATTERN,
  peakHeapBytes,
  repaintZones,
  unwatchHeaps,
  watchHeaps,
} from './red-zones.js';
import { FOLDER_MODELS, GGUF_MODELS } from './seed-models.js';
import { strictFolder, strictSource } from './strict-source.js';
import { Watchdog } from './watchdog.js';

const RUNS = Number(process.env.BITNET_FUZZ_RUNS ?? 100);
const SEED = Number(process.env.BITNET_FUZZ_SEED ?? 1);
/** What a model of less than a megabyte may take of the heap: two staging buffers of 8 MiB, and as much again; twice. */
const MOST_HEAP_BYTES = 64 * 2 ** 20;
/** The same for JavaScript's own buffers. */
const MOST_BUFFER_BYTES = 64 * 2 ** 20;

/** What all inputs of a test together may leave behind. */
const MOST_LEFT_BYTES = 16 * 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that are still held once garbage has been collected. */
async function heldBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Native kernels in place of some wasm, where there are any: in their memory nothing else catches a wild address. */
const BACKENDS =
  typeof usableVariants() === 'object'
    ? (['reference', 'native', 'wasm', 'native', 'wasm'] as const)
    : (['reference', 'wasm', 'wasm', 'wasm', 'wasm'] as const);

/** Codes of the errors of one test. */
const codes = new Set<string>();

before(watchHeaps);
after(unwatchHeaps);

/** Loads, uses and disposes of a model; answers whether it loaded. `source` may be loaded twice. */
async function tryModel(source: ModelSource, options: LoadOptions, random: Random): Promise<boolean> {
  let model: Model;
  try {
    model = await loadModel(source, options);
  } catch (error) {
    checkError(error);
    return false;
  }
  try {
    const { ids, scores } = await useModel(model, random);
    if (ids.length >= 2 && below(2, random) === 0) await compareBackends(source, options, ids, scores);
  } catch (error) {
    checkError(error);
  } finally {
    checkZones();
    await model.dispose();
  }
  return true;
}

/** The other backend has to give the same bits, however strange the model is. */
async function compareBackends(
  source: ModelSource,
  options: LoadOptions,
  ids: readonly number[],
  scores: Float32Array,
): Promise<void> {
  const backend = options.backend === 'reference' ? 'wasm' : 'reference';
  const other = await loadModel(source, { ...options, backend });
  assert.deepEqual(
    await other.score(ids),
    scores,
    `scores on ${backend} differ from the other backend's (${JSON.stringify(options)})`,
  );
  checkZones();
  await other.dispose();
}

async function useModel(model: Model, random: Random): Promise<{ ids: number[]; scores: Float32Array }> {
  const { vocabularySize } = model.config;
  const temperature = pick([0, 1], random);
  const count = Math.min(6, model.contextLength);
  const ids = Array.from({ length: count }, () => below(vocabularySize, random));
  const prompt = random() < 0.5 ? 'hell o' : ids.slice(0, 1 + below(2, random));
  let scores: Float32Array = new Float32Array(0);
  if (count >= 2) {
    scores = await model.score(ids);
    checkZones();
    assert.equal(scores.length, ids.length - 1);
    // What lies beside the blocks must not matter: NaN bits there, then ordinary numbers.
    repaintZones(OTHER_PATTERN);
    assert.deepEqual(await model.score(ids), scores, 'scores depend on memory outside of the blocks');
    checkZones();
    repaintZones(FIRST_PATTERN);
  }
  for await (const piece of model.generate(prompt, { maxTokens: 4, temperature, overflow: 'stop' })) {
    for (const id of piece.tokens) {
      assert.ok(Number.isInteger(id) && id >= 0 && id < vocabularySize, `token ${id} of ${vocabularySize}`);
    }
  }
  return { ids, scores };
}

function checkError(error: unknown): void {
  if (!(error instanceof BitnetError)) throw error;
  assert.match(error.code, /^[a-z]+(-[a-z]+)*\/[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$/);
  codes.add(error.code);
  const { message } = error;
  assert.ok(message.length > 10 && message.length < 2000, message);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.doesNotMatch(message, /[\u0000-\u001f\u007f-\u009f]|undefined|\[object|internal error/);
}

function randomOptions(random: Random): LoadOptions {
  return {
    backend: pick(BACKENDS, random),
    threads: 0,
    kvCache: pick(['f16', 'f32', 'q8'], random),
    head: pick(['auto', 'exact', 'fast', 'int8'], random),
    batchTokens: pick([1, 2, 5, 8, 64], random),
    ...(below(8, random) === 0 ? { contextLength: pick([1, 2, 7, 65, 4096, 2 ** 24], random) } : {}),
  };
}

interface Input {
  readonly source: ModelSource;
  /** how many files of it are open */
  readonly open: () => number;
}

/** Takes one input and checks what it cost; answers whether the model loaded. */
async function tryInput({ source, open }: Input, options: LoadOptions, random: Random): Promise<boolean> {
  const before = process.memoryUsage().arrayBuffers;
  const isLoaded = await tryModel(source, options, random);
  const buffers = process.memoryUsage().arrayBuffers - before;
  assert.equal(open(), 0, 'files were left open');
  assert.ok(peakHeapBytes() <= MOST_HEAP_BYTES, `the heap had blocks of ${peakHeapBytes()} bytes`);
  assert.ok(buffers <= MOST_BUFFER_BYTES, `${buffers} bytes were taken in buffers`);
  forgetHeaps();
  return isLoaded;
}

/** Fuzzes one model and answers a summary. */
async function fuzz(name: string, whole: Input, damaged: (random: Random) => Input): Promise<string> {
  assert.ok(
    await tryInput(whole, { backend: 'wasm', threads: 0 }, seededRandom(SEED)),
    'the undamaged model loads',
  );
  codes.clear();
  const held = await heldBytes();
  const watchdog = new Watchdog(SEED);
  let loaded = 0;
  try {
    for (let run = 0; run < RUNS; run++) {
      watchdog.begin(run);
      const random = seededRandom(SEED * 1_000_003 + run + 7919 * name.length);
      try {
        if (await tryInput(damaged(random), randomOptions(random), random)) loaded++;
      } catch (cause) {
        throw new Error(`${name}: run ${run} of seed ${SEED} (BITNET_FUZZ_SEED): ${cause}`, { cause });
      }
    }
  } finally {
    await watchdog.stop();
  }
  const left = (await heldBytes()) - held;
  assert.ok(left <= MOST_LEFT_BYTES, `${left} bytes are still held after ${RUNS} inputs`);
  const summary = `fuzzed inputs: ${RUNS}, ${loaded} loaded, ${codes.size} different errors`;
  // About one in four gets through.
  if (RUNS >= 100) assert.ok(loaded > 0 && loaded < RUNS, summary);
  return summary;
}

const ggufInput = (bytes: Uint8Array): Input => ({ source: strictSource(bytes).source, open: () => 0 });

function folderInput(files: ReadonlyMap<string, Uint8Array>): Input {
  const { folder, open } = strictFolder(files);
  return { source: folder, open };
}

for (const { name, make } of GGUF_MODELS) {
  test(`${name}, damaged`, async (t) => {
    const bytes = await make();
    const draft = await draftGguf(bytes);
    const damaged = (random: Random): Input => {
      const isBlind = below(4, random) === 0;
      return ggufInput(isBlind ? mutated(bytes, random) : writeDraft(damagedDraft(draft, random)));
    };
    t.diagnostic(await fuzz(name, ggufInput(writeDraft(draft)), damaged));
  });
}

for (const { name, draft } of FOLDER_MODELS) {
  test(`${name}, damaged`, async (t) => {
    const damaged = (random: Random): Input => folderInput(damagedFolder(draft, random));
    t.diagnostic(await fuzz(name, folderInput(writeFolder(draft)), damaged));
  });
}
