/**
 * The `bitnet` program as its users meet it: a process with arguments, streams and an exit status, on the bundled model.
 * What a terminal shows is tested beside the code (src/cli/); here everything is piped.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BUNDLED_MODEL } from '#src/cli/models/bundled-model.js';
import {
  type Ended,
  MAIN,
  TINY_TALES as MODEL,
  type ProcessOptions,
  QUIET_BACKEND,
  ROOT,
  type Started,
  startNode,
} from './run-process.ts';

const GOLDEN = join(ROOT, 'test', 'golden');
/** Margins below this may fall either way. */
const SAFE_MARGIN = 0.02;
const COMMANDS = ['run', 'chat', 'inspect', 'tokenize', 'perplexity', 'bench', 'make-random', 'start'];

interface Reference {
  readonly greedy: readonly {
    readonly prompt: string;
    readonly continuation_ids: readonly number[];
    readonly text: string;
    readonly margins: readonly number[];
  }[];
  readonly tokenize: readonly { readonly text: string; readonly ids: readonly number[] }[];
}

const reference = JSON.parse(readFileSync(join(GOLDEN, 'tiny-tales', 'reference.json'), 'utf8')) as Reference;
const folder = mkdtempSync(join(tmpdir(), 'bitnet-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A process of the program, and how it will end. */
function start(args: readonly string[], { env, ...options }: ProcessOptions = {}): Started {
  return startNode([MAIN, ...args], { ...options, env: { BITNET_BACKEND: QUIET_BACKEND, ...env } });
}

const bitnet = (args: readonly string[], options?: ProcessOptions): Promise<Ended> =>
  start(args, options).ended;

/** The standard output of a run that must succeed and say nothing on stderr. */
async function output(args: readonly string[], options?: ProcessOptions): Promise<string> {
  const { status, stdout, stderr } = await bitnet(args, options);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, args.join(' '));
  return stdout;
}

async function json(args: readonly string[], options?: ProcessOptions): Promise<Record<string, unknown>> {
  return JSON.parse(await output([...args, '--json'], options)) as Record<string, unknown>;
}

/** The program must refuse with one line on stderr and nothing on stdout. */
async function assertRefused(status: number, message: RegExp, args: readonly string[]): Promise<void> {
  const ended = await bitnet(args);
  assert.match(ended.stderr, message, args.join(' '));
  assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
  assert.deepEqual({ status: ended.status, stdout: ended.stdout }, { status, stdout: '' }, args.join(' '));
}

test('run: greedy text is that of the reference', async () => {
  for (const { prompt, continuation_ids, text, margins } of reference.greedy) {
    const unsafe = margins.findIndex((margin) => margin < SAFE_MARGIN);
    const args = ['run', prompt, '-t', '0', '-n', String(unsafe < 0 ? continuation_ids.length : unsafe)];
    const stdout = await output(args);
    if (unsafe < 0) assert.equal(stdout, `${text}\n`);
    else assert.ok(`${text}\n`.startsWith(stdout.slice(0, -1)) && stdout.length > 2, stdout);
  }
});

test('run: MODEL, PROMPT from stdin, echo and stop strings', async () => {
  const [{ prompt, text }] = reference.greedy as [Reference['greedy'][number]];
  const greedy = ['-t', '0', '-n', '20'];
  const expected = await output(['run', prompt, ...greedy]);
  assert.equal(await output(['run', MODEL, '-', ...greedy], { stdin: `${prompt}\n` }), expected);
  assert.equal(await output(['run', prompt, '--echo', ...greedy]), prompt + expected);
  const stop = ' who';
  assert.equal(
    await output(['run', prompt, '--stop', stop, ...greedy]),
    `${text.slice(0, text.indexOf(stop))}\n`,
  );
});

test('run: --json tells all, and a seed gives the same text again', async () => {
  const args = ['run', 'Once upon a time', '-n', '12', '--seed', '7', '--logprobs', '3', '--threads', '1'];
  const [first, second] = await Promise.all([json(args), json([...args, '--backend', 'reference'])]);
  assert.equal(first.text, second.text);
  assert.deepEqual(first.tokens, second.tokens);
  assert.equal(second.backend, 'reference');
  assert.equal((first.tokens as number[]).length, 12);
  assert.deepEqual(
    {
      seed: first.seed,
      threads: first.threads,
      finish: first.finishReason,
      generated: first.generatedTokens,
    },
    { seed: 7, threads: 1, finish: 'length', generated: 12 },
  );
  const timings = first.timings as Record<string, number>;
  for (const name of ['loadSeconds', 'firstTokenSeconds', 'seconds', 'generatedTokensPerSecond']) {
    assert.ok((timings[name] ?? 0) > 0, name);
  }
  const logprobs = first.logprobs as { id: number; logprob: number; top: { logprob: number }[] }[];
  assert.deepEqual(
    logprobs.map(({ id }) => id),
    first.tokens,
  );
  for (const { logprob, top } of logprobs) {
    assert.equal(top.length, 3);
    assert.ok(logprob <= (top[0]?.logprob ?? 0) && (top[0]?.logprob ?? 0) <= 0);
  }
});

test('run: a full context ends the text and is told', async () => {
  const { status, stdout, stderr } = await bitnet(['run', 'Once', '-t', '0', '--context', '16']);
  assert.equal(status, 0);
  assert.ok(stdout.length > 10);
  assert.match(stderr, /^bitnet: the context of 16 tokens is full/);
  const slid = await json(['run', 'Once', '-t', '0', '--context', '16', '--overflow', 'slide', '-n', '40']);
  assert.equal(slid.generatedTokens, 40);
  const error = await bitnet(['run', 'Once', '--context', '16', '--overflow', 'error']);
  assert.equal(error.status, 1);
  assert.match(error.stderr, /do not fit in the context of 16/);
});

test('run: --stats goes to stderr', async () => {
  const { status, stdout, stderr } = await bitnet(['run', 'Once', '-n', '4', '--seed', '5', '--stats']);
  assert.equal(status, 0);
  assert.ok(!stdout.includes('tok/s'));
  assert.match(stderr, /thread.*prompt: 4 tokens.*text: 4 tokens.*tok\/s.*seed 5/);
});

test('a command line that means nothing is refused with status 2', async () => {
  await assertRefused(2, /no command "rnu"; did you mean run\?/, ['rnu']);
  await assertRefused(2, /did you mean --temperature\?/, ['run', 'x', '--temprature', '1']);
  await assertRefused(2, /--max-tokens is "many"/, ['run', 'x', '--max-tokens', 'many']);
  await assertRefused(2, /--top-p is 2/, ['run', 'x', '--top-p', '2']);
  await assertRefused(2, /PROMPT is missing/, ['run', MODEL]);
  await assertRefused(2, /one word too many/, ['run', 'Once', 'upon', 'a', 'time']);
  await assertRefused(2, /--logprobs needs --json/, ['run', 'x', '--logprobs', '1']);
  await assertRefused(2, /--decode is "a"/, ['tokenize', '--decode', 'a']);
  const { status, stderr } = await bitnet([]);
  assert.equal(status, 2);
  assert.match(stderr, /Usage/);
});

test('a model that cannot be used is refused with status 1', async () => {
  await assertRefused(1, /no-such\.gguf: there is no such file/, ['run', 'no-such.gguf', 'x']);
  await assertRefused(1, /no GGUF file/, ['run', join(ROOT, 'package.json'), 'x']);
  await assertRefused(1, /no config\.json/, ['inspect', folder]);
  await assertRefused(1, /context/, ['run', 'x', '--context', '129']);
  await assertRefused(1, /no chat template/, ['run', 'x', '--chat']);
  await assertRefused(1, /99999/, ['tokenize', '--decode', '99999']);
});

test('hostile files are refused by every command that opens them', async () => {
  const bytes = readFileSync(MODEL);
  const cut = bytes.subarray(0, 40_000);
  const counts = Buffer.from(bytes.subarray(0, 4096));
  counts.writeBigUInt64LE(2n ** 62n, 8);
  const key = Buffer.from(bytes);
  key.writeBigUInt64LE(2n ** 40n, 24);
  const path = join(folder, 'hostile.gguf');
  for (const hostile of [Buffer.alloc(0), Buffer.from('GGUF'), cut, counts, key]) {
    writeFileSync(path, hostile);
    for (const args of [
      ['run', path, 'x'],
      ['inspect', path],
      ['tokenize', path, 'x'],
      ['chat', path],
    ]) {
      await assertRefused(1, /^bitnet: (?!internal)/, args);
    }
  }
});

test('Ctrl-C ends a generation with status 130 and keeps what was written', async () => {
  const { child, ended } = start([
    'run',
    'Once',
    '-n',
    '1000000',
    '--overflow',
    'slide',
    '--backend',
    'reference',
  ]);
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const { status, stdout, stderr } = await ended;
  assert.deepEqual({ status, stderr }, { status: 130, stderr: '' });
  assert.ok(stdout.length > 0);
});

test('a reader that goes away ends a generation quietly', async () => {
  const { child, ended } = start(['run', 'Once', '-n', '1000000', '--overflow', 'slide']);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const { status, stderr } = await ended;
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
});

test('chat: a script of messages and commands', async () => {
  const saved = join(folder, 'saved.json');
  const script = [
    'Once upon',
    `/save ${saved}`,
    '',
    'The little\\',
    'girl',
    '/stats',
    '/exit',
    'not reached',
  ];
  const { status, stdout, stderr } = await bitnet(['chat', '-t', '0', '-n', '6'], {
    stdin: `${script.join('\n')}\n`,
  });
  assert.equal(status, 0);
  const [first, second] = await Promise.all(
    ['Once upon', 'The little\ngirl'].map((prompt) => output(['run', prompt, '-t', '0', '-n', '6'])),
  );
  assert.equal(stdout, `${first}${second}`);
  assert.match(stderr, /^Saved 2 messages to .*saved\.json\.\n.*context of 128 tokens\nprompt: /);
  assert.deepEqual(JSON.parse(readFileSync(saved, 'utf8')), {
    messages: [
      { role: 'user', content: 'Once upon' },
      { role: 'assistant', content: first?.slice(0, -1) },
    ],
  });

  const copy = join(folder, 'copy.json');
  const again = await bitnet(['chat'], { stdin: `/load ${saved}\n/save ${copy}` });
  assert.deepEqual({ status: again.status, stdout: again.stdout }, { status: 0, stdout: '' }, again.stderr);
  assert.deepEqual(readFileSync(copy), readFileSync(saved));
});

test('chat: the first error ends a script with status 1', async () => {
  const cases: [string, RegExp][] = [
    ['/nonsense', /no command \/nonsense/],
    ['/load no-such.json', /cannot be read \(ENOENT/],
    ['/save', /needs the name of a file/],
    ['/system Be brief.', /takes no system message/],
  ];
  for (const [line, message] of cases) {
    const { status, stdout, stderr } = await bitnet(['chat', '-n', '3'], { stdin: `${line}\nOnce\n` });
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' }, line);
    assert.match(stderr, message);
  }
});

test('chat: a model with a chat template keeps turns and a system message', async () => {
  const model = join(folder, 'random.gguf');
  assert.equal((await bitnet(['make-random', '--shape', 'tiny', model])).status, 0);
  const [before, after] = [join(folder, 'before.json'), join(folder, 'after.json')];
  const script = ['/system Be brief.', 'Hi', 'And?', `/save ${before}`, '/reset', `/save ${after}`];
  const options = ['-t', '0', '-n', '4'];
  const { status, stdout } = await bitnet(['chat', model, ...options], { stdin: script.join('\n') });
  assert.equal(status, 0);
  const first = await output(['run', model, 'Hi', '--system', 'Be brief.', ...options]);
  assert.ok(stdout.startsWith(first), stdout);
  const roles = (path: string) =>
    (JSON.parse(readFileSync(path, 'utf8')) as { messages: { role: string }[] }).messages.map(
      ({ role }) => role,
    );
  assert.deepEqual(roles(before), ['system', 'user', 'assistant', 'user', 'assistant']);
  assert.deepEqual(roles(after), ['system']);

  const full = await bitnet(['chat', model, '--context', '48', ...options], { stdin: 'Hi\nAnd?\nAnd?\n' });
  assert.equal(full.status, 1);
  assert.match(full.stderr, /do not fit in the context of 48/);
});

test('start: without a terminal it prints a text and its speed', async () => {
  const stdout = await output(['start', '-n', '20', '--seed', '3', '--threads', '2'], {
    env: { BITNET_MODEL: '' },
  });
  assert.match(
    stdout,
    /^> Tell me a story.+\n\n> Where is Lily\?\n.+ on [\w-]+, 2 threads: 20 tokens, [\d.]+ tok\/s\n$/s,
  );
  assert.ok(stdout.includes(`\n\n${BUNDLED_MODEL} on `), stdout);
});

test('inspect: the same model in two formats', async () => {
  const [gguf, huggingFace] = await Promise.all([
    json(['inspect']),
    json(['inspect', join(GOLDEN, 'tiny-tales', 'hf-packed')]),
  ]);
  assert.equal(gguf.architecture, 'bitnet-b1.58');
  assert.deepEqual(gguf.parameters, huggingFace.parameters);
  assert.deepEqual(gguf.parameters, { total: 2297856, ternary: 1769472, embedding: 524288, head: 0 });
  assert.deepEqual(gguf.tensorTypes, [
    { type: 'F16', tensors: 1, bytes: 1048576 },
    { type: 'I2_S', tensors: 21, bytes: 443040 },
    { type: 'F32', tensors: 13, bytes: 16384 },
  ]);
  assert.equal(gguf.fileBytes, readFileSync(MODEL).length);
  assert.equal((gguf.memory as { kvCache: number }).kvCache, 2 * 3 * 2 * 128 * 64 * 2);
  assert.deepEqual((gguf.tokenizer as { stopTokens: unknown }).stopTokens, [
    { id: 2047, text: '<|endoftext|>' },
  ]);
  assert.equal(gguf.chatTemplate, null);
  assert.equal((gguf.tensors as unknown[]).length, 35);
  assert.deepEqual([gguf.problems, gguf.corrections], [[], []]);
  assert.match(String(huggingFace.corrections), /<\|endoftext\|> \(2047\)/);
});

test('inspect: for people, with every tensor, and with the memory of another context', async () => {
  const text = await output(['inspect', '--tensors', '--context', '64', '--kv-cache', 'f32']);
  for (const part of ['2.30 M', 'I2_S', '21 tensors', '<|endoftext|> (2047)', 'none: a base model']) {
    assert.ok(text.includes(part), part);
  }
  assert.match(text, /f32 KV cache for 64 tokens 197 kB/);
  assert.match(text, /blk\.2\.ffn_down\.weight +I2_S +\[256, 512\] +32,800/);
});

test('inspect: a model that cannot be loaded is described as far as it can be, with status 1', async () => {
  const { status, stdout } = await bitnet(['inspect', join(GOLDEN, 'infer', 'llama-ternary.i2_s.gguf')]);
  assert.equal(status, 1);
  assert.match(stdout, /architecture +llama/);
  assert.match(stdout, /Problems: this model cannot be loaded\n {2}.*merges/);
});

test('inspect: over HTTP only the header is read', async () => {
  // Longer than what is read ahead. Its tokenizer is a stand-in, hence the status below.
  const bytes = readFileSync(join(GOLDEN, 'infer', 'bitnet-wide.f16.gguf'));
  let served = 0;
  const server = createServer((request, response) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const from = Number(range?.[1] ?? 0);
    const to = Math.min(Number(range?.[2] ?? bytes.length - 1), bytes.length - 1);
    response.writeHead(range === null ? 200 : 206, {
      'content-length': to - from + 1,
      'accept-ranges': 'bytes',
      etag: '"tiny-tales"',
      ...(range === null ? {} : { 'content-range': `bytes ${from}-${to}/${bytes.length}` }),
    });
    if (request.method === 'HEAD') return response.end();
    served += to - from + 1;
    return response.end(bytes.subarray(from, to + 1));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`;
    const { status, stdout } = await bitnet(['inspect', url, '--json']);
    const report = JSON.parse(stdout) as { fileBytes: number; architecture: string };
    assert.deepEqual({ status, architecture: report.architecture }, { status: 1, architecture: 'bitnet' });
    assert.equal(report.fileBytes, bytes.length);
    assert.ok(served < bytes.length / 2, `${served} of ${bytes.length} bytes were served`);
  } finally {
    server.close();
  }
});

test('tokenize: the tokens of the reference, and back', async () => {
  for (const { text, ids } of reference.tokenize) {
    assert.equal(await output(['tokenize', '--', text]), `${ids.join(' ')}\n`);
    assert.equal(await output(['tokenize', '--decode', ids.join(',')]), `${text}\n`);
  }
  assert.equal(await output(['tokenize', '-', '--bos'], { stdin: 'Hello' }), '2047 72 490 111\n');
  assert.equal(await output(['tokenize', '<|endoftext|>', '--special']), '2047\n');
  assert.notEqual(await output(['tokenize', '<|endoftext|>']), '2047\n');
  assert.deepEqual(await json(['tokenize', 'hé']), {
    count: 3,
    ids: [104, 195, 169],
    tokens: [
      { id: 104, text: 'h', special: false },
      { id: 195, text: '\\xc3', special: false },
      { id: 169, text: '\\xa9', special: false },
    ],
  });
});

test('standard input that is no text is refused', async () => {
  const { status, stderr } = await bitnet(['tokenize', '-'], { stdin: Uint8Array.of(0xff, 0xfe, 0x00) });
  assert.equal(status, 1);
  assert.match(stderr, /not text in UTF-8/);
});

test('help and version go to stdout, without colours when piped', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  assert.equal(await output(['--version']), `${version}\n`);
  const all = await output(['--help']);
  for (const command of COMMANDS) {
    const help = await output([command, '--help']);
    assert.match(help, new RegExp(`Usage\n {2}bitnet ${command} `));
    if (command !== 'start') assert.match(all, new RegExp(`^ {2}${command} `, 'm'));
    assert.ok(!help.includes('\x1b'), command);
  }
  assert.equal(await output(['help', 'run']), await output(['run', '-h']));
  const inspected = await bitnet(['inspect'], { env: { TERM: 'xterm-256color', FORCE_COLOR: '1' } });
  const failed = await bitnet(['inspect', 'no-such'], { env: { TERM: 'xterm-256color' } });
  assert.ok(!`${all}${inspected.stdout}${inspected.stderr}${failed.stderr}`.includes('\x1b'));
});
