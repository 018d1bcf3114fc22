/**
 * Names of models where a model is expected: commands, the server, BITNET_MODEL and the library, against a hub on this
 * machine. A model that is not here is downloaded once; then the hub may be gone.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { writeGguf } from '#src/formats/gguf/write.js';
import { type Ended, MAIN, QUIET_BACKEND, ROOT, startNode, TINY_TALES } from '../e2e/run-process.ts';
import { FakeHub } from './fake-hub.ts';

/** A published model whose folder has no hash in the catalogue, so that another model can stand for it. */
const NAME = 'falcon-e-1b-base';
const REPOSITORY = 'tiiuae/Falcon-E-1B-Base';
const GGUF = 'someone/tiny-gguf';
const PROMPT = 'Once upon a time';

const packed = join(ROOT, 'test', 'golden', 'tiny-tales', 'hf-packed');
const folder = Object.fromEntries(
  readdirSync(packed).map((name) => [name, readFileSync(join(packed, name))]),
);
const file = readFileSync(TINY_TALES);

let hub: FakeHub;
let home: string;

before(async () => {
  hub = await FakeHub.start();
  hub.add(REPOSITORY, folder);
  hub.add(GGUF, { 'README.md': '# tiny', 'tiny.i2_s.gguf': file });
});
after(() => hub.close());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bitnet-names-'));
  hub.forget();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function bitnet(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const own = { HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_TOKEN: '', HF_HUB_OFFLINE: '' };
  return startNode([MAIN, ...args], {
    env: { BITNET_BACKEND: QUIET_BACKEND, ...own, ...env },
    timeout: 120_000,
  }).ended;
}

const greedy = ['--temperature', '0', '--max-tokens', '8'];
/** What the model writes, from its file. */
const expected = bitnetText([TINY_TALES]);

async function bitnetText(model: readonly string[]): Promise<string> {
  const { stdout, stderr, status } = await startNode([MAIN, 'run', ...model, PROMPT, ...greedy], {
    env: { BITNET_BACKEND: QUIET_BACKEND },
  }).ended;
  assert.equal(status, 0, stderr);
  return stdout;
}

test('a short name is downloaded with a word about it, and then needs no hub', async () => {
  const first = await bitnet(['run', NAME, PROMPT, ...greedy]);
  assert.equal(first.status, 0, first.stderr);
  assert.equal(first.stdout, await expected);
  assert.match(
    first.stderr,
    new RegExp(`^bitnet: downloading ${NAME} from ${REPOSITORY} \\([\\d.]+ MB\\)\n$`),
  );
  hub.forget();
  // In any case, by its repository, by the environment, and with the network forbidden.
  for (const [model, env] of [
    [[NAME.toUpperCase()], {}],
    [[REPOSITORY], {}],
    [[`hf:${REPOSITORY.toLowerCase()}`], { HF_HUB_OFFLINE: '1' }],
    [[`https://huggingface.co/${REPOSITORY}/tree/main`], { HF_ENDPOINT: 'http://127.0.0.1:9' }],
    [[], { BITNET_MODEL: NAME }],
  ] as const) {
    const again = await bitnet(['run', ...model, PROMPT, ...greedy], env);
    assert.equal(again.status, 0, again.stderr);
    assert.equal(again.stdout, await expected);
    assert.equal(again.stderr, '');
  }
  assert.equal(hub.requests.length, 0);
});

test('a repository of the hub: the file that runs is found, or named', async () => {
  for (const model of [`${GGUF}:tiny.i2_s.gguf`, GGUF]) {
    const { status, stdout, stderr } = await bitnet(['run', model, PROMPT, ...greedy]);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, await expected);
  }
  assert.equal(hub.servedBytes('tiny.i2_s.gguf'), file.length);
});

test('models says what is here', async () => {
  const rowOf = async () => {
    const { stdout, stderr, status } = await bitnet(['models', '--json']);
    assert.equal(status, 0, stderr);
    const { models } = JSON.parse(stdout) as { models: { name: string; here: string }[] };
    return models.find(({ name }) => name === NAME)?.here;
  };
  assert.equal(await rowOf(), 'no');
  assert.equal(hub.requests.length, 0);
  await bitnet(['run', NAME, PROMPT, ...greedy]);
  assert.equal(await rowOf(), 'yes');
});

test('inspect and tokenize read headers only', async () => {
  const { status, stdout, stderr } = await bitnet(['inspect', `${GGUF}:tiny.i2_s.gguf`, '--json']);
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as { fileBytes: number }).fileBytes, file.length);
  const tokens = await bitnet(['tokenize', NAME, PROMPT]);
  assert.equal(tokens.status, 0, tokens.stderr);
  assert.match(tokens.stdout, /^\d+( \d+)*\n$/);
  assert.ok(!readdirSync(home).includes('hub'), 'nothing is kept');
});

test('a large model of the hub that cannot be run is not downloaded', async () => {
  const parts: Uint8Array[] = [];
  const weights = {
    name: 'token_embd.weight',
    dtype: 'F32' as const,
    shape: [65, 2 ** 18],
    data: () => [new Uint8Array(65 * 2 ** 20)],
  };
  const metadata = [{ key: 'general.architecture', type: 'string' as const, value: 'strange-arch' }];
  await writeGguf(
    async (bytes) => {
      parts.push(bytes.slice());
    },
    { metadata, tensors: [weights] },
  );
  const foreign = Buffer.concat(parts);
  hub.add('someone/strange', { 'strange.i2_s.gguf': foreign });
  const { status, stderr } = await bitnet(['run', 'someone/strange', PROMPT]);
  assert.equal(status, 1);
  assert.match(stderr, /^bitnet: [^\n]*strange-arch[^\n]*\n$/);
  assert.ok(
    hub.servedBytes('strange.i2_s.gguf') < 8 * 2 ** 20,
    `${hub.servedBytes('strange.i2_s.gguf')} bytes`,
  );
  assert.ok(!readdirSync(home).includes('hub'), 'nothing is kept');
});

test('can-run answers for a repository that the catalogue lacks', async () => {
  const { status, stdout, stderr } = await bitnet(['can-run', GGUF, '--json', '--threads', '1']);
  assert.equal(status, 0, stderr);
  const { answers } = JSON.parse(stdout) as { answers: { model: { name: string }; verdict: string }[] };
  assert.deepEqual(
    answers.map(({ model, verdict }) => [model.name, verdict]),
    [[GGUF, 'yes']],
  );
  assert.ok(!readdirSync(home).includes('hub'), 'nothing is kept');
});

test('without the network, what is not here is said in one sentence', async () => {
  for (const [args, env] of [
    [['--offline'], {}],
    [[], { HF_HUB_OFFLINE: '1' }],
  ] as const) {
    const { status, stderr } = await bitnet(['run', NAME, PROMPT, ...args], env);
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`^bitnet: [^\n]*${NAME}[^\n]*\n$`));
    assert.match(stderr, /offline|HF_HUB_OFFLINE/);
  }
  assert.equal(hub.requests.length, 0);
});

test('what is no model is said in one sentence, with what can be done', async () => {
  for (const [model, message] of [
    ['falcon-e-1c', /did you mean falcon-e-1b/],
    ['ternary-bonsai', /does not run here: /],
    ['someone/missing', /someone\/missing/],
    [`${GGUF}:missing.gguf`, /missing\.gguf/],
    [`${GGUF}@missing`, /missing/],
    ['./2b4t', /no such file or folder/],
  ] as const) {
    const { status, stderr } = await bitnet(['run', model, PROMPT]);
    assert.equal(status, 1, stderr);
    assert.match(stderr, message);
    assert.match(stderr, /^bitnet: [^\n]*\n$/, model);
  }
});

test('serve offers a model by the name that was written', async () => {
  const { child, ended } = startNode([MAIN, 'serve', NAME, `mine=${GGUF}`, '--port', '0', '--log', 'off'], {
    env: { BITNET_BACKEND: QUIET_BACKEND, HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_TOKEN: '' },
    timeout: 120_000,
  });
  let notes = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (text: string) => {
      notes += text;
      const [, found] = /serving on (http\S+)/.exec(notes) ?? [];
      if (found !== undefined) resolve(found);
    });
    ended.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  try {
    const listed = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    assert.deepEqual(
      listed.data.map(({ id }) => id),
      [NAME, 'mine'],
    );
    for (const model of [NAME, 'mine']) {
      const response = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ model, prompt: PROMPT, max_tokens: 8, temperature: 0 }),
      });
      const { choices } = (await response.json()) as { choices: { text: string }[] };
      assert.equal(`${choices[0]?.text}\n`.trim(), (await expected).trim());
    }
  } finally {
    child.kill('SIGTERM');
    await ended.catch(() => {});
  }
});

test('loadModel takes names', async () => {
  const script = `
    import { loadModel } from 'bitnet.ts';
    const shares = [];
    const pull = { onProgress: ({ doneBytes, totalBytes }) => shares.push(doneBytes / totalBytes) };
    const model = await loadModel('${NAME}', { threads: 0, pull });
    const text = await model.generate('${PROMPT}', { maxTokens: 4, temperature: 0 }).text();
    console.log(JSON.stringify({ text, last: shares.at(-1), blocks: model.config.blockCount }));
    await model.dispose();
  `;
  const { status, stdout, stderr } = await startNode(['--input-type=module', '--eval', script], {
    env: { BITNET_BACKEND: QUIET_BACKEND, HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_TOKEN: '' },
    timeout: 60_000,
  }).ended;
  assert.equal(status, 0, stderr);
  const { text, last } = JSON.parse(stdout) as { text: string; last: number };
  assert.ok((await expected).startsWith(text.trimEnd()), text);
  assert.equal(last, 1);
});
