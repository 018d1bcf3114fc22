// @ts-check
/** One round of bitnet.ts in Node.js: what `bitnet bench` measures, once. */
import { spawnSync } from 'node:child_process';
import { BITNET } from '../models.mjs';
import { answer, job } from './job.mjs';

const { model, prompts, generate, threads, backend } = job();
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [
    BITNET,
    'bench',
    model,
    ...['--threads', String(threads), '--prompt', prompts.join(','), '--generate', String(generate)],
    ...['--runs', '1', '--format', 'json'],
    ...(backend === undefined ? [] : ['--backend', backend]),
  ],
  { encoding: 'utf8' },
);
if (status !== 0) throw new Error(stderr.trim());
const report = JSON.parse(stdout);
answer({
  prompts: report.promptTokensPerSecond,
  generate: report.generatedTokensPerSecond,
  note: `${report.backend}, head ${report.headPrecision}`,
});
