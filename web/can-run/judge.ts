/**
 * The worker of the page `can-run`: it measures this device with the kernels that a model would run on, and answers for each
 * model of the catalogue, and for a file of the user's, with the forecast that `bitnet can-run` makes (bitnet.ts/fit). Until it
 * has measured, it answers from memory alone.
 */
import {
  canRunAll,
  defaultThreads,
  type MeasuredMachine,
  measureMachine,
  modelOfBlob,
  modelOfEntry,
  readCatalogue,
} from 'bitnet.ts/fit';
import {
  type Described,
  describeAnswer,
  describeEntry,
  describeFile,
  describeUnsupported,
} from './describe.ts';
import type { Asked, DeviceFacts, FromWorker, ToWorker } from './protocol.ts';

/** Of a question with some context, as one asks a chat model. */
const PROMPT_TOKENS = 256;
/** A page that is not isolated has none beside its own. */
const THREADS = Math.max(1, defaultThreads());

let asked: Asked = { contextLength: 4096, kvCache: 'f16' };
let own: Described | undefined;
/** Without rates at first. */
let detected: Promise<MeasuredMachine> | undefined;

globalThis.addEventListener('message', ({ data }) => {
  const message = data as ToWorker;
  const run = { ask: () => ask(message), measure, file: () => judge(message) }[message.kind];
  run().catch((error: unknown) => {
    const of = message.kind === 'ask' ? 'answers' : message.kind;
    tell({ kind: 'failed', of, sentence: sentenceOf(error) });
  });
});

async function ask(message: ToWorker): Promise<void> {
  if (message.kind !== 'ask') return;
  asked = message.asked;
  await answer();
}

async function measure(): Promise<void> {
  const { backend } = (await detect()).machine;
  if (backend === 'reference') {
    throw new Error(
      'this browser has no WebAssembly SIMD, without which models are too slow to be of use; update it',
    );
  }
  const measuring = measureMachine({
    threads: [THREADS],
    onProgress: (share) => tell({ kind: 'progress', share }),
  });
  const { machine } = await measuring;
  detected = measuring;
  const rates = machine.rates[0]!;
  const { decodeBytesPerSecond, prefillMacsPerSecond } = rates;
  tell({ kind: 'measured', rates: { threads: THREADS, decodeBytesPerSecond, prefillMacsPerSecond } });
  await answer();
}

async function judge(message: ToWorker): Promise<void> {
  if (message.kind !== 'file') return;
  const { file } = message;
  own = describeFile(await modelOfBlob(file, file.name));
  await answer();
}

async function answer(): Promise<void> {
  const [{ models, unsupported }, { machine, kernels }] = await Promise.all([readCatalogue(), detect()]);
  const described = models.map((entry) => describeEntry(entry, modelOfEntry(entry)));
  const all = own === undefined ? described : [own, ...described];
  const answers = canRunAll(
    all.map(({ model }) => model),
    { machine, kernels },
    { ...asked, threads: THREADS, promptTokens: PROMPT_TOKENS },
  );
  tell({
    kind: 'answers',
    promptTokens: PROMPT_TOKENS,
    answers: [
      ...all.map((model, index) => describeAnswer(model, answers[index]!)),
      ...unsupported.map(describeUnsupported),
    ],
  });
}

/** Finds out what can be known without measuring, once. */
function detect(): Promise<MeasuredMachine> {
  detected ??= measureMachine({ threads: [] }).then((found) => {
    const facts: DeviceFacts = {
      cores: navigator.hardwareConcurrency || 1,
      threads: THREADS,
      backend: found.machine.backend,
    };
    tell({ kind: 'device', facts });
    return found;
  });
  return detected;
}

function tell(message: FromWorker): void {
  globalThis.postMessage(message);
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
