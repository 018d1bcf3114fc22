#!/usr/bin/env node
// @ts-check
/**
 * Holds the screened output head against the whole one: on hidden states of the bundled model, and on random heads of
 * several kinds, widths and types. Exits with 1 when the most likely token or the 40 most likely ones ever differ.
 *
 *     npm run head:check                  at least 100,000 positions of the model, and 50,000 of random heads
 *     npm run head:check -- 20000         at least that many, and half of that
 *     BITNET_BACKEND=wasm-simd npm run head:check
 */
import { setup } from './setup.mjs';

const positions = Number(process.argv[2] ?? 100_000);
await setup({ tests: true });
// Built just now, so not known before.
const { addCheck, checkModel, checkRandomHead, emptyCheck } = await import(
  '../build/test/fixtures/head-check.js'
);
const { ROW_KINDS } = await import('../build/test/fixtures/random-heads.js');
const { openGolden } = await import('../build/test/fixtures/golden-models.js');
const { loadEngine } = await import('../dist/engine/load-engine.js');
const { selectBackend } = await import('../dist/kernels/select.js');
const { DenseFormat } = await import('../dist/kernels/kernels.js');

const ROWS = 8192;
/** Positions of random heads for each of the model's, which takes less time for one. */
const RANDOM_SHARE = 0.5;
/** Widths, with their shares of the positions: wide heads take longer. */
const WIDTHS = [
  { columns: 128, share: 0.5 },
  { columns: 400, share: 0.4 },
  { columns: 2560, share: 0.1 },
];
const backendName = /** @type {any} */ (process.env.BITNET_BACKEND || undefined);

const all = emptyCheck();
console.log(
  '                                    positions  differences  mean rows scored      whole head read',
);
console.log('                                               best   40    best       40         best      40');
await checkTrained();
await checkRandom();
report('all', all);
process.exitCode = all.greedy.differences + all.top.differences > 0 ? 1 : 0;

async function checkTrained() {
  const opened = await openGolden('tiny-tales');
  const options = { threads: 0, head: /** @type {const} */ ('fast'), batchTokens: 16 };
  const engine = await loadEngine(
    opened,
    backendName === undefined ? options : { ...options, backend: backendName },
  );
  const check = await checkModel(engine, positions, 1);
  await engine.dispose();
  await opened.close();
  report(`tiny-tales, ${engine.config.vocabularySize} x ${engine.config.embeddingLength}`, check);
  addCheck(all, check);
}

async function checkRandom() {
  let seed = 1;
  for (const { columns, share } of WIDTHS) {
    for (const kind of ROW_KINDS) {
      for (const [name, format] of /** @type {const} */ ([
        ['f16', DenseFormat.F16],
        ['bf16', DenseFormat.BF16],
      ])) {
        // A backend for each, so that its memory is given back.
        const { backend } = await selectBackend(backendName, false);
        const headCase = { rows: ROWS, columns, kind, format, seed: seed++ };
        const check = checkRandomHead(backend, headCase, Math.ceil((positions * RANDOM_SHARE * share) / 6));
        report(`${kind} ${name}, ${ROWS} x ${columns}`, check);
        addCheck(all, check);
      }
    }
  }
}

/**
 * @param {string} name
 * @param {import('../test/fixtures/head-check.ts').HeadCheck} check
 */
function report(name, { positions, greedy, top }) {
  const rows = ({ candidates, fallbacks }) => (candidates / Math.max(1, positions - fallbacks)).toFixed(1);
  console.log(
    name.padEnd(36) +
      String(positions).padStart(9) +
      String(greedy.differences).padStart(7) +
      String(top.differences).padStart(5) +
      rows(greedy).padStart(10) +
      rows(top).padStart(9) +
      String(greedy.fallbacks).padStart(12) +
      String(top.fallbacks).padStart(9),
  );
}
