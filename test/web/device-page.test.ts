/**
 * What the chat page talks to, in Chromium: the server and this device give the same text for the same seed; a GGUF file is
 * checked, kept and found again; replies can be aborted; the page works without a network, and on a static host has
 * threads from its second load on. Where no Chromium is installed, what the build leaves is checked alone.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { loadModel } from '#src/index.js';
import { listen } from '#src/server/listen.js';
import { createServer } from '#src/server/server.js';
import { findChromium, launchChromium } from '../e2e/browser/chromium.ts';
import { tinyChatGguf } from '../server/tiny-chat-server.ts';
import { buildSite, type Host, hostSite } from './page/site.ts';

// This file runs as build/test/web/device-page.test.js.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const TALES = join(root, 'models', 'tales', 'tales.i2_s.gguf');

const temporary = mkdtempSync(join(tmpdir(), 'bitnet-device-page-'));
after(() => rmSync(temporary, { recursive: true, force: true }));
const folder = join(temporary, 'site');
const probe = await buildSite(folder);
/** Its tokens are bytes, so that characters come in parts. */
const tiny = await tinyChatGguf();
const TINY = join(temporary, 'tiny.gguf');
writeFileSync(TINY, tiny);

/** What a reply came to in the page. */
interface Reply {
  readonly text: string;
  readonly tokens: readonly {
    readonly text: string;
    readonly logprob: number;
    readonly alternatives: unknown[];
  }[];
  readonly deltas: number;
  readonly end:
    | { finishReason: string; promptTokens: number; cachedTokens: number; generatedTokens: number }
    | undefined;
  /** `reason: sentence` of what was thrown. */
  readonly fault: string | undefined;
}

type Kind = 'server' | 'device';
type Messages = readonly { readonly role: string; readonly content: string }[];

/** The part of the page's transports that is driven here. */
interface Driven {
  readonly kind: Kind;
  models(signal: AbortSignal): Promise<readonly { id: string; title: string; isLoaded: boolean }[]>;
  load(
    id: string,
    onProgress: (progress: { stage: string; done: number; total: number }) => void,
    signal: AbortSignal,
  ): Promise<{ backend: string; threads: number }>;
  reply(
    request: unknown,
    signal: AbortSignal,
  ): AsyncGenerator<{ text: string; tokens: Reply['tokens'] }, Reply['end'], undefined>;
  machine(signal: AbortSignal): Promise<Reading>;
  readonly store: {
    add(file: File, onProgress: () => void, signal: AbortSignal): Promise<string>;
    remove(id: string): Promise<void>;
  };
}

interface Reading {
  readonly runtime: { readonly backend: string; readonly threads: number };
  readonly queue: { readonly running: number; readonly waiting: number };
  readonly memory: { readonly usedBytes: number; readonly totalBytes: number };
  readonly kvCache: { readonly usedBytes: number; readonly heldBytes: number; readonly totalBytes: number };
  readonly totals: {
    readonly promptTokens: number;
    readonly cachedTokens: number;
    readonly generatedTokens: number;
  };
}

const STORY: Messages = [{ role: 'user', content: 'Tell me a story about Lily and a red kite.' }];
const WHOLE = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.02, repetitionPenalty: 1.05, seed: 7 };
const SAMPLING = { ...WHOLE, maxTokens: 40 };

/** Waits until the page knows what it can talk to, and puts `drive` there for the other calls. */
async function prepare(page: Page, address: string): Promise<readonly Kind[]> {
  await page.goto(address);
  // As text: the compiler would have its own mind about the address.
  await page.evaluate(`import(new URL(${JSON.stringify(probe)}, document.baseURI).href)`);
  return page.evaluate(async () => {
    const { transports } = (globalThis as unknown as { probe: { transports: { value: Driven[] } } }).probe;
    while (transports.value.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    Object.assign(globalThis, {
      drive: (kind: Kind) => transports.value.find((one) => one.kind === kind),
    });
    return transports.value.map(({ kind }) => kind);
  });
}

/** @param stopAfter deltas after which the reply is aborted */
function replyOf(
  page: Page,
  kind: Kind,
  modelId: string,
  messages: Messages,
  sampling: object = SAMPLING,
  stopAfter = 0,
): Promise<Reply> {
  const asked = { kind, request: { modelId, messages, sampling, hasDetails: true }, stopAfter };
  return page.evaluate(async ({ kind, request, stopAfter }) => {
    const { drive } = globalThis as unknown as { drive(kind: string): Driven };
    const controller = new AbortController();
    const reply = { text: '', tokens: [] as Reply['tokens'][number][], deltas: 0 };
    try {
      const deltas = drive(kind).reply(request, controller.signal);
      for (;;) {
        const next = await deltas.next();
        if (next.done) return { ...reply, end: next.value, fault: undefined };
        reply.text += next.value.text;
        reply.tokens.push(...next.value.tokens);
        if (++reply.deltas === stopAfter) controller.abort(new Error('that is enough'));
      }
    } catch (error) {
      const { reason = 'thrown', message } = error as { reason?: string; message: string };
      return { ...reply, end: undefined, fault: `${reason}: ${message}` };
    }
  }, asked);
}

const modelsOf = (page: Page, kind: Kind) =>
  page.evaluate(
    (kind) =>
      (globalThis as unknown as { drive(kind: string): Driven })
        .drive(kind)
        .models(new AbortController().signal),
    kind,
  );

const readingOf = (page: Page, kind: Kind) =>
  page.evaluate(
    (kind) =>
      (globalThis as unknown as { drive(kind: string): Driven })
        .drive(kind)
        .machine(new AbortController().signal),
    kind,
  );

const loadOn = (page: Page, kind: Kind, id: string) =>
  page.evaluate(
    async ({ kind, id }) => {
      const stages: string[] = [];
      const { drive } = globalThis as unknown as { drive(kind: string): Driven };
      const signal = new AbortController().signal;
      const runtime = await drive(kind).load(id, ({ stage }) => stages.push(stage), signal);
      return { ...runtime, stages: [...new Set(stages)] };
    },
    { kind, id },
  );

/** Adds a file as a drop of it would; answers its id, or `reason: sentence`. */
function addFile(page: Page, name: string, bytes: Uint8Array): Promise<string> {
  const asked = { name, base64: Buffer.from(bytes).toString('base64') };
  return page.evaluate(async ({ name, base64 }) => {
    const file = new File([Uint8Array.from(atob(base64), (unit) => unit.charCodeAt(0))], name);
    const { drive } = globalThis as unknown as { drive(kind: string): Driven };
    try {
      return await drive('device').store.add(file, () => {}, new AbortController().signal);
    } catch (error) {
      const { reason, message } = error as { reason: string; message: string };
      return `${reason}: ${message}`;
    }
  }, asked);
}

/** Resolves when something has come to pass; the test runner's own limit ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Resolves when the page is kept for when there is no network. */
async function kept(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    while (navigator.serviceWorker.controller === null) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
}

const executablePath = findChromium();
let browser: Promise<Browser> | undefined;
const hosts: Host[] = [];
after(async () => {
  await (await browser)?.close();
  await Promise.all(hosts.map((host) => host.shut()));
});

async function newContext(): Promise<BrowserContext> {
  browser ??= launchChromium(executablePath!);
  return (await browser).newContext();
}

async function host(options: Parameters<typeof hostSite>[0]): Promise<Host> {
  const started = await hostSite(options);
  hosts.push(started);
  return started;
}

test('the build has a service worker that names every file, and a manifest whose icons are there', () => {
  const script = readFileSync(join(folder, 'service-worker.js'), 'utf8');
  const named = [...script.matchAll(/"\.\/([^"]*)"/g)].map(([, path]) => path!);
  assert.ok(named.includes('') && named.includes('models/tales.i2_s.gguf') && named.includes(probe));
  for (const path of named)
    readFileSync(join(folder, path === '' || path.endsWith('/') ? `${path}index.html` : path));
  assert.doesNotMatch(script, /KEPT_FILES/);
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.webmanifest'), 'utf8')) as {
    readonly start_url: string;
    readonly icons: readonly { readonly src: string; readonly sizes: string }[];
  };
  assert.equal(manifest.start_url, './');
  for (const { src, sizes } of manifest.icons) {
    const png = readFileSync(join(folder, src));
    assert.equal(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, sizes);
  }
});

if (executablePath !== undefined) {
  describe('beside a server', async () => {
    // The other one computes with the server's fastest kernels, which need not be WebAssembly.
    const onWasm = await loadModel(TALES, { backend: 'wasm' });
    after(() => onWasm.dispose());
    const models = [TALES, TINY, { id: 'tales-on-wasm', source: onWasm }];
    const server = createServer({ models, preload: 'none' });
    const listening = await listen(server, { port: 0 });
    after(() => listening.close(0));
    const site = await host({ folder, path: '/', isIsolated: true, upstream: listening.urls[0]! });

    test('both give the same text, tokens and probabilities for the same seed', async () => {
      const page = await (await newContext()).newPage();
      assert.deepEqual(await prepare(page, site.url), ['server', 'device']);
      assert.equal(await addFile(page, 'tiny.gguf', tiny), 'tiny.gguf');
      for (const [onServer, onDevice] of [
        ['tales.i2_s', 'tales'],
        ['tales-on-wasm', 'tales'],
        ['tiny', 'tiny.gguf'],
      ] as const) {
        for (const maxTokens of onDevice === 'tales' ? [40, undefined] : [200]) {
          const sampling = { ...SAMPLING, maxTokens };
          const expected = await replyOf(page, 'server', onServer, STORY, sampling);
          const given = await replyOf(page, 'device', onDevice, STORY, sampling);
          assert.equal(expected.fault, undefined);
          assert.ok(expected.text.length > 20, expected.text);
          assert.equal(given.text, expected.text);
          assert.deepEqual(
            given.tokens.map(({ text }) => text),
            expected.tokens.map(({ text }) => text),
          );
          if (onDevice === 'tales') {
            assert.equal(
              given.tokens
                .map(({ text }) => text)
                .join('')
                .trim(),
              given.text.trim(),
            );
          }
          for (const [i, token] of given.tokens.entries()) {
            assert.ok(Math.abs(token.logprob - expected.tokens[i]!.logprob) < 1e-6);
            assert.equal(token.alternatives.length, 5);
          }
          assert.equal(given.end?.finishReason, expected.end?.finishReason);
          assert.equal(given.end?.promptTokens, expected.end?.promptTokens);
          assert.equal(given.end?.generatedTokens, expected.end?.generatedTokens);
          assert.ok(given.deltas <= given.tokens.length + 1);
        }
      }
      await page.context().close();
    });

    test('models, loading and readings are told of both', async () => {
      const page = await (await newContext()).newPage();
      await prepare(page, site.url);
      for (const [kind, id] of [
        ['server', 'tales.i2_s'],
        ['device', 'tales'],
      ] as const) {
        assert.ok((await modelsOf(page, kind)).some((model) => model.id === id));
        const { backend, threads } = await loadOn(page, kind, id);
        assert.match(backend, kind === 'device' ? /^wasm-/ : /^(native|wasm)-/);
        assert.ok(threads >= 1);
        assert.ok((await modelsOf(page, kind)).find((model) => model.id === id)?.isLoaded);
        const before = await readingOf(page, kind);
        const { end } = await replyOf(page, kind, id, STORY, { ...SAMPLING, maxTokens: 12 });
        const { runtime, queue, memory, kvCache, totals } = await readingOf(page, kind);
        assert.deepEqual([runtime.backend, runtime.threads], [backend, threads]);
        assert.equal(totals.generatedTokens - before.totals.generatedTokens, end?.generatedTokens);
        const prompt = totals.promptTokens + totals.cachedTokens;
        assert.equal(prompt - before.totals.promptTokens - before.totals.cachedTokens, end?.promptTokens);
        assert.deepEqual(queue, { running: 0, waiting: 0 });
        assert.ok(memory.usedBytes > 1e6);
        assert.ok(kvCache.heldBytes <= kvCache.totalBytes);
      }
      await page.context().close();
    });

    test('a later turn of a conversation computes only what is new', async () => {
      const page = await (await newContext()).newPage();
      await prepare(page, site.url);
      for (const [kind, id] of [
        ['server', 'tales.i2_s'],
        ['device', 'tales'],
      ] as const) {
        const first = await replyOf(page, kind, id, STORY, { ...SAMPLING, temperature: 0, maxTokens: 150 });
        const turns = [
          ...STORY,
          { role: 'assistant', content: first.text },
          { role: 'user', content: 'Where is Lily?' },
        ];
        const { end } = await replyOf(page, kind, id, turns);
        assert.ok(end!.cachedTokens > first.end!.promptTokens, `${kind} had ${end!.cachedTokens} tokens`);
        const long = [{ role: 'user', content: 'Once upon a time. '.repeat(400) }];
        const { fault } = await replyOf(page, kind, id, long);
        assert.match(fault ?? '', /^context-full: The conversation is longer than the model’s context/);
      }
      await page.context().close();
    });

    test('what is aborted ends at once, and the next is answered', async () => {
      const page = await (await newContext()).newPage();
      await prepare(page, site.url);
      assert.equal(await addFile(page, 'tiny.gguf', tiny), 'tiny.gguf');
      for (const [kind, id] of [
        ['server', 'tiny'],
        ['device', 'tiny.gguf'],
      ] as const) {
        const { fault, text } = await replyOf(page, kind, id, STORY, WHOLE, 2);
        assert.equal(fault, 'thrown: that is enough');
        assert.ok(text.length > 0);
        const before = await readingOf(page, kind);
        const { end } = await replyOf(page, kind, id, STORY, { ...SAMPLING, maxTokens: 5 });
        const { totals } = await readingOf(page, kind);
        assert.equal(end?.generatedTokens, 5);
        // What was aborted went on for a token or so, not to its end behind the back of the next.
        assert.ok(totals.generatedTokens - before.totals.generatedTokens < 30, JSON.stringify(totals));
      }
      await page.context().close();
    });

    test('a server that wants a key is one, and gets it', async () => {
      const locked = createServer({ models: [TINY], preload: 'none', apiKeys: ['key-of-the-test'] });
      const listening = await listen(locked, { port: 0 });
      const site = await host({ folder, path: '/', isIsolated: true, upstream: listening.urls[0]! });
      const page = await (await newContext()).newPage();
      try {
        assert.deepEqual(await prepare(page, site.url), ['server', 'device']);
        assert.match((await replyOf(page, 'server', 'tiny', STORY)).fault ?? '', /^unauthorised: /);
        await page.evaluate(() => sessionStorage.setItem('bitnet.api-key', 'key-of-the-test'));
        await prepare(page, site.url);
        assert.equal((await replyOf(page, 'server', 'tiny', STORY)).fault, undefined);
      } finally {
        await page.context().close();
        await listening.close(0);
      }
    });

    test('when server and network are gone, the device answers', async () => {
      const context = await newContext();
      const page = await context.newPage();
      await prepare(page, site.url);
      await kept(page);
      await site.shut();
      await context.setOffline(true);
      try {
        assert.deepEqual(await prepare(page, site.url), ['server', 'device']);
        assert.equal(
          await page.evaluate(
            () =>
              (globalThis as unknown as { probe: { transport: { value: Driven } } }).probe.transport.value
                .kind,
          ),
          'device',
        );
        assert.ok(await page.evaluate(() => crossOriginIsolated));
        const { text, fault } = await replyOf(page, 'device', 'tales', STORY);
        assert.equal(fault, undefined);
        assert.ok(text.length > 40);
        assert.match((await replyOf(page, 'server', 'tales.i2_s', STORY)).fault ?? '', /^unreachable: /);
        await context.setOffline(false);
        await site.open();
        assert.equal((await replyOf(page, 'server', 'tales.i2_s', STORY)).fault, undefined);
      } finally {
        await context.close();
      }
    });
  });

  describe('on a static host under a path', async () => {
    const site = await host({ folder, path: '/some/path/' });

    test('there is this device alone, with threads from the second load on', async () => {
      const context = await newContext();
      const page = await context.newPage();
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== new URL(site.url).origin) faults.push(request.url());
      });
      assert.deepEqual(await prepare(page, site.url), ['device']);
      assert.equal(await page.evaluate(() => crossOriginIsolated), false);
      assert.equal((await loadOn(page, 'device', 'tales')).threads, 1);
      const first = await replyOf(page, 'device', 'tales', STORY);
      assert.equal(first.fault, undefined);
      await kept(page);
      const session = await context.newCDPSession(page);
      const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
      const hindrances = installabilityErrors.map(({ errorId }) => errorId);
      // Contexts of tests are as private windows.
      assert.deepEqual(hindrances, ['in-incognito']);
      await prepare(page, site.url);
      assert.equal(await page.evaluate(() => crossOriginIsolated), true);
      const cores = await page.evaluate(() => navigator.hardwareConcurrency);
      assert.equal((await loadOn(page, 'device', 'tales')).threads, Math.min(8, cores));
      assert.equal((await replyOf(page, 'device', 'tales', STORY)).text, first.text);
      assert.deepEqual(faults, []);
      await context.close();
    });

    test('a GGUF file stays over reloads and can be removed', async () => {
      const context = await newContext();
      const page = await context.newPage();
      await prepare(page, site.url);
      assert.equal(await addFile(page, 'my: model.gguf', tiny), 'my- model.gguf');
      assert.equal(await addFile(page, 'again.gguf', tiny), 'my- model.gguf', 'the same file is kept once');
      const before = await replyOf(page, 'device', 'my- model.gguf', STORY);
      await prepare(page, site.url);
      assert.deepEqual(
        (await modelsOf(page, 'device')).map(({ id }) => id),
        ['tales', 'my- model.gguf'],
      );
      const after = await replyOf(page, 'device', 'my- model.gguf', STORY);
      assert.equal(after.fault, undefined);
      assert.equal(after.text, before.text);
      await page.evaluate(() =>
        (globalThis as unknown as { drive(kind: string): Driven })
          .drive('device')
          .store.remove('my- model.gguf'),
      );
      assert.equal((await modelsOf(page, 'device')).length, 1);
      assert.match(
        (await replyOf(page, 'device', 'my- model.gguf', STORY)).fault ?? '',
        /^refused: my- model\.gguf is no longer in this browser’s storage/,
      );
      await context.close();
    });

    test('loading can be aborted, and begins anew; where there is no room, that is said', async () => {
      const context = await newContext();
      const page = await context.newPage();
      await prepare(page, site.url);
      // The page has loaded its own model by itself; this is another one.
      assert.equal(await addFile(page, 'tiny.gguf', tiny), 'tiny.gguf');
      const fault = await page.evaluate(async () => {
        const { drive } = globalThis as unknown as { drive(kind: string): Driven };
        const controller = new AbortController();
        const onProgress = () => controller.abort(new Error('not this one'));
        return drive('device')
          .load('tiny.gguf', onProgress, controller.signal)
          .then(
            () => 'loaded',
            ({ message }: Error) => message,
          );
      });
      assert.equal(fault, 'not this one');
      assert.ok(!(await modelsOf(page, 'device'))[1]!.isLoaded);
      assert.deepEqual((await loadOn(page, 'device', 'tiny.gguf')).stages, ['load']);
      const session = await context.newCDPSession(page);
      const { origin } = new URL(site.url);
      await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1000 });
      const said = await addFile(page, 'large.gguf', readFileSync(TALES));
      assert.match(
        said,
        /^refused: large\.gguf takes 1 MB, and the browser (has|gives) [^;]+; remove a model, or/,
      );
      await context.close();
    });

    test('files that cannot be run are refused in a sentence, and nothing of them stays', async () => {
      const context = await newContext();
      const page = await context.newPage();
      await prepare(page, site.url);
      const other = Buffer.from(tiny);
      // Another family of the same length.
      const family = other.indexOf('bitnet');
      other.write('gemini', family);
      for (const [name, bytes] of [
        ['cut.gguf', tiny.subarray(0, tiny.length - 1000)],
        ['header.gguf', tiny.subarray(0, 300)],
        ['photo.png', readFileSync(join(folder, 'icon-192.png'))],
        ['empty.gguf', Buffer.alloc(0)],
        ['family.gguf', other],
      ] as const) {
        const said = await addFile(page, name, bytes);
        assert.match(said, /^refused: [^\n]{10,300}[.?!]$/, name);
        if (name !== 'family.gguf') assert.ok(said.includes(name), said);
      }
      assert.equal((await modelsOf(page, 'device')).length, 1);
      const left = await page.evaluate(async () => {
        const origin = await navigator.storage.getDirectory();
        const folder = await origin
          .getDirectoryHandle('bitnet.ts-page')
          .then((outer) => outer.getDirectoryHandle('models'))
          .catch(() => undefined);
        const names: string[] = [];
        const keys = (folder as unknown as { keys(): AsyncIterable<string> } | undefined)?.keys();
        for await (const name of keys ?? []) names.push(name);
        return names;
      });
      assert.deepEqual(left, []);
      await context.close();
    });
  });

  test('a new version is there at the next load, and what the old one kept is deleted', async () => {
    const context = await newContext();
    const page = await context.newPage();
    const newer = join(temporary, 'newer');
    try {
      const site = await host({ folder, path: '/' });
      await prepare(page, site.url);
      await kept(page);
      const caches = () => page.evaluate(() => globalThis.caches.keys());
      const [old] = await caches();
      cpSync(folder, newer, { recursive: true });
      const file = join(newer, 'index.html');
      writeFileSync(
        file,
        readFileSync(file, 'utf8').replace('<html lang="en">', '<html lang="en" class="newer">'),
      );
      const script = join(newer, 'service-worker.js');
      writeFileSync(script, readFileSync(script, 'utf8').replace(/"version":"[\w-]+"/, '"version":"newer"'));
      site.options.folder = newer;
      await page.reload();
      assert.equal(await page.locator('html.newer').count(), 1);
      await until(async () => !(await caches()).includes(old!));
      assert.equal((await caches()).length, 1);
      await site.shut();
      await page.reload();
      assert.equal(await page.locator('html.newer').count(), 1);
    } finally {
      await context.close();
    }
  });

  test('when something else moves in at the address, the page leaves', async () => {
    const context = await newContext();
    const page = await context.newPage();
    const site = await host({ folder, path: '/' });
    await prepare(page, site.url);
    await kept(page);
    site.options.folder = join(root, 'test', 'e2e', 'browser');
    await page.reload();
    assert.doesNotMatch(await page.content(), /application-name/);
    await until(() =>
      page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length === 0),
    );
    assert.equal(await page.evaluate(() => crossOriginIsolated), false);
    await context.close();
  });
}
