/** Answers on made-up machines: verdicts, speeds, advice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCatalogue } from '../hub/catalogue/catalogue.ts';
import { selectBackend } from '../kernels/select.ts';
import { NO_CALIBRATION, shapeKey, withEntry } from './calibration.ts';
import { canRun, canRunAll, type FitGrounds } from './can-run.ts';
import type { FitModel, Machine, MachineRates } from './fit.ts';
import { modelOfEntry } from './fit-model.ts';

const GB = 1e9;
const { backend } = await selectBackend('wasm-simd', true);
const { models: entries } = await readCatalogue();
const models = entries.map((entry) => modelOfEntry(entry));

function modelCalled(name: string): FitModel {
  const model = models.find((known) => known.name === name);
  assert.ok(model !== undefined);
  return model;
}

const attention = {
  f16: { perKeyElement: 1e-10, perQueryElement: 1e-10 },
  q8: { perKeyElement: 0.5e-10, perQueryElement: 0.5e-10 },
};

/** 20 GB/s from memory, 40 from caches. */
const rates: MachineRates = {
  threads: 2,
  decodeBytesPerSecond: 20 * GB,
  decodeCurve: [
    { bytes: 8e6, bytesPerSecond: 40 * GB },
    { bytes: 64e6, bytesPerSecond: 20 * GB },
  ],
  headCurve: [
    { bytes: 8e6, bytesPerSecond: 40 * GB },
    { bytes: 64e6, bytesPerSecond: 20 * GB },
  ],
  readBytesPerSecond: 25 * GB,
  prefillMacsPerSecond: 250 * GB,
  prefillSecondsPerElement: 1e-10,
  denseMacsPerSecond: 30 * GB,
  secondsPerLayer: 1e-5,
  secondsPerElement: 1e-10,
  secondsPerStep: 1e-4,
  secondsPerHead: 1e-4,
  decodeAttention: attention,
  prefillAttention: attention,
  loadSecondsPerTernaryByte: 2e-10,
  loadSecondsPerDenseByte: 1e-10,
};

function grounds(changes: Partial<Machine> = {}): FitGrounds {
  const machine: Machine = {
    processor: 'Example',
    performanceCores: undefined,
    efficiencyCores: undefined,
    usableThreads: 2,
    limitedBy: undefined,
    instructionSets: [],
    totalMemoryBytes: 16 * GB,
    availableMemoryBytes: 12 * GB,
    backend: 'native-avx2',
    addressableBytes: 16 * GB,
    programBytes: 0.08 * GB,
    programFileBytes: undefined,
    measuredSeconds: 2,
    rates: [rates],
    ...changes,
  };
  return { machine, kernels: backend.kernels, others: models };
}

test('every published model has an answer, and memory is the sum of its parts', () => {
  for (const { model, verdict, memory, speed } of canRunAll(models, grounds())) {
    assert.equal(verdict, 'yes', model.name);
    assert.ok(memory !== undefined && speed !== undefined);
    const { plan } = memory;
    assert.equal(plan.total, plan.layers + plan.embeddingAndHead + plan.kvCache + plan.work);
    assert.equal(memory.residentBytes, memory.programBytes + plan.total - memory.mappedBytes);
    assert.ok(
      speed.generation.low < speed.generation.value && speed.generation.value < speed.generation.high,
    );
    assert.ok(speed.generationAtEnd.value < speed.generation.value, 'a longer cache is slower');
    assert.ok(speed.firstTokenSeconds.value > 0 && speed.loadSeconds.value > 0);
  }
});

test('2B4T generates about as many tokens as its bytes allow', () => {
  const { speed } = canRun(modelCalled('2b4t'), grounds());
  // 521 MB in 2-bit fields and a plane of 164 MB at 20 GB/s, and what layers and attention cost beside.
  assert.ok(speed!.generation.value > 22 && speed!.generation.value < 29, `${speed!.generation.value}`);
  assert.equal(speed!.confidence, 'estimated');
});

test('a machine with less memory than the model takes says no, and what would run', () => {
  const small = { totalMemoryBytes: 3 * GB, availableMemoryBytes: 2.4 * GB, addressableBytes: 3 * GB };
  const answer = canRun(modelCalled('falcon3-10b'), grounds(small));
  assert.equal(answer.verdict, 'no');
  assert.match(answer.reason!, /GB/);
  assert.equal(answer.speed, undefined);
  const other = answer.advice.find(({ kind }) => kind === 'other-model');
  const named = models.find(({ name }) => other?.sentence.startsWith(`${name} runs here`));
  assert.ok(named !== undefined, other?.sentence);
  assert.equal(canRun(named, grounds(small)).verdict, 'yes');
});

test('a context that is too long is shortened to one that fits', () => {
  const model = modelCalled('falcon-e-1b');
  const machine = { totalMemoryBytes: 2 * GB, availableMemoryBytes: 1.2 * GB, addressableBytes: 8 * GB };
  const answer = canRun(model, grounds(machine), { contextLength: 32768 });
  assert.notEqual(answer.verdict, 'yes');
  const advice = answer.advice.find(({ kind }) => kind === 'context');
  const context = Number(/--context (\d+)/.exec(advice?.sentence ?? '')?.[1]);
  assert.equal(canRun(model, grounds(machine), { contextLength: context }).verdict, 'yes');
  assert.notEqual(canRun(model, grounds(machine), { contextLength: context + 512 }).verdict, 'yes');
});

test('memory that others hold makes it tight, with what to free', () => {
  const answer = canRun(modelCalled('2b4t'), grounds({ availableMemoryBytes: 1 * GB }));
  assert.equal(answer.verdict, 'tight');
  assert.ok(answer.speed !== undefined, 'it still runs');
  assert.ok(answer.advice.some(({ kind }) => kind === 'free-memory'));
});

test('WebAssembly addresses 4 GiB: a head that does not fit is held as int8, what still does not is refused', () => {
  const wasm = { backend: 'wasm-simd', addressableBytes: 2 ** 32 };
  const llama = canRun(modelCalled('llama3-8b'), grounds(wasm));
  assert.equal(llama.verdict, 'yes');
  assert.equal(llama.memory!.isInt8Head, true);
  assert.equal(llama.memory!.mappedBytes, 0);
  const long = canRun(modelCalled('falcon3-10b'), grounds(wasm), { contextLength: 32768 });
  assert.equal(long.verdict, 'no');
  assert.match(long.reason!, /wasm-simd/);
  assert.ok(long.advice.some(({ kind }) => kind === 'backend'));
});

test('without rates the answer is about memory alone', () => {
  const answer = canRun(modelCalled('2b4t'), grounds({ rates: [] }));
  assert.equal(answer.verdict, 'yes');
  assert.equal(answer.speed, undefined);
  assert.equal(answer.question.threads, 2);
});

test('an 8-bit cache is recommended where it makes long conversations faster', () => {
  const answer = canRun(modelCalled('bitnet-3b'), grounds(), { contextLength: 2048 });
  assert.ok(answer.advice.some(({ kind, sentence }) => kind === 'kv-cache' && /q8/.test(sentence)));
  const asked = canRun(modelCalled('bitnet-3b'), grounds(), { contextLength: 2048, kvCache: 'q8' });
  assert.ok(!asked.advice.some(({ kind }) => kind === 'kv-cache'));
  assert.ok(asked.speed!.generationAtEnd.value > answer.speed!.generationAtEnd.value);
});

test('what was measured here corrects the answer and narrows its interval', () => {
  const model = modelCalled('2b4t');
  const plain = canRun(model, grounds());
  const calibration = withEntry(NO_CALIBRATION, {
    processor: 'Example',
    backend: 'native-avx2',
    threads: 2,
    shape: shapeKey(model),
    size: 1,
    prefill: { predicted: 1, measured: 1 },
    generation: { predicted: 10, measured: 11 },
    time: 0,
  });
  const corrected = canRun(model, { ...grounds(), calibration });
  assert.equal(corrected.speed!.confidence, 'measured');
  const ratio = corrected.speed!.generation.value / plain.speed!.generation.value;
  assert.ok(Math.abs(ratio - 1.1) < 1e-9);
  const width = ({ low, high }: { low: number; high: number }) => high / low;
  assert.ok(width(corrected.speed!.generation) < width(plain.speed!.generation));
});

test('a model that cannot run at all says why', () => {
  const answer = canRun({ ...modelCalled('2b4t'), unsupported: 'it needs a diffusion step' }, grounds());
  assert.equal(answer.verdict, 'no');
  assert.equal(answer.reason, 'it needs a diffusion step');
  assert.equal(answer.memory, undefined);
});
