#!/usr/bin/env node
// @ts-check
/**
 * `npm run bench:peers`: bitnet.ts against rivals that npm can install, in one run. docs/benchmarks.md says what is
 * measured and how; this file puts the parts together. Fails only when our own engine does.
 */
import { writeFileSync } from 'node:fs';
import { areInstalled, installNotice, installRivals, rivalVersions } from './install.mjs';
import { RACES } from './rivals.mjs';
import { runRace } from './rounds.mjs';
import { HELP, readSettings } from './settings.mjs';
import { machine, mediansOf, raceTable } from './table.mjs';

/** @returns {Promise<number>} the exit code */
async function main() {
  const settings = readSettings();
  if (settings.isHelp) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!areInstalled()) {
    if (!settings.isInstall) {
      process.stderr.write(
        `the rivals are not installed; npm run bench:peers -- --install installs ${installNotice()}\n`,
      );
      return 1;
    }
    process.stderr.write(`installing ${installNotice()}\n`);
    installRivals();
  }
  const races = [];
  for (const race of RACES) {
    if (settings.only !== undefined && race.name !== settings.only) continue;
    races.push({ ...race, runners: await runRace(race, settings) });
  }
  const { cpu, cores, memoryGB, node, commit } = machine();
  const versions = Object.entries(rivalVersions()).map(([name, version]) => `${name} ${version}`);
  const text = [
    ...races.map(({ title, runners }) => raceTable(title, runners, settings)),
    `${cpu}, ${cores} cores, ${memoryGB} GB; Node ${node}; commit ${commit}; ${versions.join(', ')}; medians of ` +
      `${settings.runs} rounds in turns.`,
  ].join('\n\n');
  process.stdout.write(`${text}\n`);
  if (settings.json !== undefined) {
    const measured = races.map(({ contenders, runners, ...race }) => ({
      ...race,
      runners: runners.map((runner) => ({ ...runner, medians: mediansOf(runner, settings.prompts) })),
    }));
    writeFileSync(
      settings.json,
      `${JSON.stringify({ machine: machine(), settings, races: measured }, undefined, 2)}\n`,
    );
  }
  return races.some(({ runners }) => runners[0]?.failure !== undefined) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench:peers: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
