/** What the tests of the hub have in common: files without meaning, names of models, and caches that are removed again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Hub, LocalModel, PullOptions, PullProgress } from '#src/hub/hub.js';
import type { HubModel } from '#src/hub/model-name.js';
import { type HubOptions, openHub } from '#src/hub/open-hub.js';
import { FakeHub, type FakeHubOptions } from './fake-hub.ts';

/** Bytes that look like a GGUF file from outside and are different everywhere. */
export function noise(length: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  const bytes = new Uint8Array(words.buffer, 0, length);
  bytes.set(new TextEncoder().encode('GGUF\x03\0\0\0').subarray(0, length));
  return bytes;
}

/** A model of the hub that the catalogue knows nothing of. */
export function modelOf(repository: string, parts: { file?: string; revision?: string } = {}): HubModel {
  return {
    kind: 'hub',
    label: repository,
    repository,
    revision: parts.revision,
    file: parts.file,
    entry: undefined,
    published: undefined,
  };
}

/** A folder that is removed when the test ends. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-hub-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A fake hub that is closed when the test ends. */
export async function fakeHub(t: TestContext, options?: FakeHubOptions): Promise<FakeHub> {
  const fake = await FakeHub.start(options);
  t.after(() => fake.close());
  return fake;
}

/** A cache of its own, on a fake hub. */
export interface Bench {
  readonly fake: FakeHub;
  /** Of the cache. */
  readonly folder: string;
  readonly hub: Hub;
  /** As {@link Hub.pull} from the fake hub, and checks on the way that progress never runs backwards. */
  pull(model: HubModel, options?: PullOptions): Promise<LocalModel>;
  /** What the last pull told. */
  readonly told: PullProgress[];
}

/** A hub that is impatient, so that tests of faults are short. */
export async function bench(
  t: TestContext,
  options: HubOptions = {},
  fakeOptions: FakeHubOptions = {},
): Promise<Bench> {
  const fake = await fakeHub(t, fakeOptions);
  const folder = await temporaryFolder(t);
  const hub = await openHub({ folder, retryDelayMs: 5, stallMs: 5000, ...options });
  const told: PullProgress[] = [];
  return {
    fake,
    folder,
    hub,
    told,
    async pull(model, pullOptions = {}) {
      told.length = 0;
      return hub.pull(model, {
        endpoint: fake.endpoint,
        onProgress: (progress) => {
          const last = told.at(-1);
          if (last !== undefined && progress.doneBytes < last.doneBytes) {
            throw new Error(`progress ran backwards: ${last.doneBytes}, ${progress.doneBytes}`);
          }
          if (progress.totalBytes > 0 && progress.doneBytes > progress.totalBytes) {
            throw new Error(`more than all: ${progress.doneBytes} of ${progress.totalBytes}`);
          }
          told.push(progress);
        },
        ...pullOptions,
      });
    },
  };
}
