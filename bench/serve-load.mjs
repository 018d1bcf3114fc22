#!/usr/bin/env node
// @ts-check
/**
 * Load on `bitnet serve`: so many clients that stream completions of mixed lengths for so long, a tenth of which disconnect
 * in the middle. Prints times to the first token and between tokens, throughput and errors, and fails if an answer was
 * neither complete nor an intended 503, if a sequence or a KV block is left afterwards, or if the memory of the server kept growing.
 * With several numbers of clients, runs one after the other on the same server and compares their throughput. Traffic goes
 * to a server that it starts by itself on a loopback address, and ends with it.
 *
 *   npm run bench:serve -- [--clients 64] [--seconds 120] [--model FILE] [--prompt MOST] [--generate MOST]
 *                          [--no-disconnects] [-- OPTIONS OF bitnet serve]
 */
import { spawn } from 'node:child_process';
import { Agent, get, request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '120' },
    model: { type: 'string' },
    prompt: { type: 'string', default: '60' },
    generate: { type: 'string', default: '48' },
    'no-disconnects': { type: 'boolean', default: false },
  },
});
const WORDS =
  'the little girl looked at her mother and said that she was very happy to see the big red ball again'.split(
    ' ',
  );
/** Growth of the server's memory from the second quarter of the run to the last that is no leak. */
const MOST_GROWTH_BYTES = 24e6;

/** The same numbers in every run (a 32-bit xorshift). */
let state = 0x2545f491;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

/** @param {number} most */
const upTo = (most) => 1 + Math.floor(random() * most);

/** Starts the server. @returns {Promise<{ url: string, end: () => Promise<void> }>} */
async function startServer() {
  const args = [join(root, 'dist/cli/main.js'), 'serve', '--port', '0', '--log', 'off', ...positionals];
  if (values.model !== undefined) args.push(values.model);
  // Small enough for the prefix cache to be full soon: memory that goes on growing then is a leak.
  else args.push('--kv-cache-mb', '16');
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = await new Promise((resolve, reject) => {
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (part) => {
      text += part;
      const found = /serving on (http:\S+)[\s\S]*curl/.exec(text);
      if (found !== null) resolve(found[1]);
    });
    ended.then(() => reject(new Error(`the server ended: ${text}`)));
  });
  return {
    url,
    end: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** @param {string} url @returns {Promise<any>} */
function getJson(url) {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    }).on('error', reject);
  });
}

/**
 * One request.
 *
 * @param {string} url
 * @param {Agent} agent
 * @param {boolean} leaves whether the client disconnects in the middle
 * @returns {Promise<{ status: number | string, isComplete: boolean, left: boolean, firstMs?: number, gapsMs: number[], tokens: number }>}
 */
function ask(url, agent, leaves) {
  const prompt = Array.from(
    { length: upTo(Number(values.prompt)) },
    () => WORDS[upTo(WORDS.length) - 1],
  ).join(' ');
  const generate = upTo(Number(values.generate));
  const leavesAfter = leaves ? Math.floor(random() * generate) : Number.POSITIVE_INFINITY;
  const body = JSON.stringify({
    model: undefined,
    prompt,
    max_tokens: generate,
    stream: true,
    seed: upTo(1e6),
  });
  return new Promise((resolve) => {
    const start = performance.now();
    const result = {
      status: /** @type {number | string} */ (0),
      isComplete: false,
      left: false,
      gapsMs: [],
      tokens: 0,
    };
    /** @type {any} */
    const filled = result;
    let last = 0;
    let text = '';
    const call = request(
      `${url}/v1/completions`,
      {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        filled.status = response.statusCode;
        response.setEncoding('utf8').on('data', (part) => {
          text = (text + part).slice(-200);
          const events = part.split('data: ').length - 1;
          const now = performance.now();
          for (let i = 0; i < events; i++) {
            if (last === 0) filled.firstMs = now - start;
            else filled.gapsMs.push(i === 0 ? now - last : 0);
            last = now;
          }
          filled.tokens += events;
          if (filled.tokens > leavesAfter) {
            filled.left = true;
            call.destroy();
          }
        });
        response.on('error', () => {});
        response.on('close', () => {
          filled.isComplete = text.includes('data: [DONE]') && !text.includes('"error"');
          if (filled.status === 200 && filled.isComplete) filled.tokens -= 1;
          resolve(filled);
        });
      },
    );
    call.on('error', (error) => {
      if (!filled.left) filled.status = /** @type {any} */ (error).code ?? error.message;
      resolve(filled);
    });
    call.end(body);
  });
}

/** @param {number[]} sorted @param {number} share */
const quantile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/**
 * So many clients for so long.
 *
 * @param {string} url
 * @param {number} clients
 * @param {number} seconds
 */
async function load(url, clients, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const start = performance.now();
  const end = start + seconds * 1000;
  /** @type {Awaited<ReturnType<typeof ask>>[]} */
  const results = [];
  /** @type {{ rss: number, heapTotal: number, heapUsed: number, cache: number }[]} */
  const memory = [];
  const client = async () => {
    while (performance.now() < end) {
      const result = await ask(url, agent, !values['no-disconnects'] && random() < 0.1);
      results.push(result);
      // As clients that were told to come back later do.
      if (result.status !== 200) await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  };
  const watch = setInterval(async () => {
    const stats = await getJson(`${url}/stats`).catch(() => undefined);
    if (stats !== undefined)
      memory.push({ ...stats.memory, cache: stats.models[0]?.scheduler?.kvCacheUsage ?? 0 });
  }, 500);
  await Promise.all(Array.from({ length: clients }, client));
  clearInterval(watch);
  agent.destroy();
  const elapsed = (performance.now() - start) / 1000;
  const tokens = results.reduce((sum, result) => sum + result.tokens, 0);
  return { results, memory, tokensPerSecond: tokens / elapsed, requestsPerSecond: results.length / elapsed };
}

/**
 * The least that was in use: garbage that waits to be collected, and room that V8 keeps for more, come and go.
 *
 * @param {{ rss: number, heapTotal: number, heapUsed: number }[]} samples
 */
function leastMemory(samples) {
  return {
    heap: Math.min(...samples.map(({ heapUsed }) => heapUsed)),
    other: Math.min(...samples.map(({ rss, heapTotal }) => rss - heapTotal)),
  };
}

/** @param {Awaited<ReturnType<typeof load>>} run @param {number} clients @returns {string[]} what is wrong */
function report({ results, memory, tokensPerSecond, requestsPerSecond }, clients) {
  const sorted = (/** @type {number[]} */ list) => list.sort((a, b) => a - b);
  const first = sorted(results.flatMap(({ firstMs }) => (firstMs === undefined ? [] : [firstMs])));
  const gaps = sorted(results.flatMap(({ gapsMs }) => gapsMs));
  const line = (/** @type {number[]} */ list) =>
    [0.5, 0.9, 0.99].map((share) => `p${share * 100} ${quantile(list, share).toFixed(1)} ms`).join(', ');
  const left = results.filter((result) => result.left).length;
  const complete = results.filter((result) => result.isComplete).length;
  const refused = results.filter(({ status }) => status === 503).length;
  const failed = results.filter((result) => !result.left && !result.isComplete && result.status !== 503);
  const print = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);
  print(
    `${clients} clients: ${results.length} requests, ${complete} complete, ${left} left by their clients, ${refused} refused (503), ${failed.length} failed`,
  );
  print(`  time to first token  ${line(first)}`);
  print(`  between tokens       ${line(gaps)}`);
  print(
    `  throughput           ${tokensPerSecond.toFixed(1)} tokens/s, ${requestsPerSecond.toFixed(1)} requests/s`,
  );
  const cacheOf = (/** @type {number} */ i) => memory.at(i)?.cache ?? 0;
  const isFilling = cacheOf(-1) - cacheOf(Math.floor(memory.length / 4)) > 0.01;
  const early = leastMemory(memory.slice(Math.floor(memory.length / 4), Math.ceil(memory.length / 2)));
  const late = leastMemory(memory.slice(Math.floor((memory.length * 3) / 4)));
  const written = [early, late].map(
    ({ heap, other }) =>
      `${(heap / 1e6).toFixed(0)} MB in use by JavaScript and ${(other / 1e6).toFixed(0)} MB besides`,
  );
  print(
    `  memory of the server ${written[0]} in the second quarter, ${written[1]} in the last${isFilling ? ', while the prefix cache filled: not judged' : ''}`,
  );
  const faults = [];
  if (failed.length > 0) {
    faults.push(
      `${failed.length} requests failed, the first with ${JSON.stringify({ ...failed[0], gapsMs: undefined })}`,
    );
  }
  const growth = late.heap - early.heap + Math.max(0, late.other - early.other);
  if (!isFilling && growth > MOST_GROWTH_BYTES) faults.push(`memory grew by ${(growth / 1e6).toFixed(0)} MB`);
  return faults;
}

/** @param {string} url @returns {Promise<string[]>} what is left in the server */
async function leftovers(url) {
  // Cancelled sequences end with the step that is under way.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const { models } = await getJson(`${url}/stats`);
  const { scheduler } = models[0];
  process.stdout.write(`afterwards: ${JSON.stringify(scheduler)}\n`);
  const { running, waiting, kvCacheInUse } = scheduler;
  return running + waiting + kvCacheInUse === 0
    ? []
    : [`left behind: ${JSON.stringify({ running, waiting, kvCacheInUse })}`];
}

const { url, end } = await startServer();
/** @type {string[]} */
const faults = [];
try {
  const counts = values.clients.split(',').map(Number);
  /** @type {number[]} */
  const rates = [];
  for (const clients of counts) {
    const run = await load(url, clients, Number(values.seconds));
    rates.push(run.tokensPerSecond);
    faults.push(...report(run, clients));
  }
  const [one] = rates;
  if (one !== undefined && rates.length > 1) {
    const ratios = counts.map((clients, i) => `${clients}: ${((rates[i] ?? 0) / one).toFixed(2)}x`);
    process.stdout.write(`throughput by clients  ${ratios.join(', ')}\n`);
  }
  faults.push(...(await leftovers(url)));
} finally {
  await end();
}
for (const fault of faults) process.stdout.write(`FAULT: ${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
