import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from '../base/nearest-name.ts';
import { parseCommandLine } from './args.ts';
import type { Command } from './command.ts';
import { UsageError } from './errors.ts';

const command: Command = {
  name: 'try',
  summary: '',
  positionals: '',
  options: [
    { name: 'max-tokens', short: 'n', value: 'N', help: '' },
    { name: 'presence-penalty', value: 'X', help: '' },
    { name: 'stop', value: 'TEXT', multiple: true, help: '' },
    { name: 'json', short: 'j', help: '' },
    { name: 'stats', help: '' },
  ],
  examples: [],
  run: async () => 0,
};

const parse = (...args: string[]) => parseCommandLine(command, args);

function refusal(...args: string[]): string {
  try {
    parse(...args);
  } catch (error) {
    assert.ok(error instanceof UsageError, `a usage error for ${args.join(' ')}`);
    return error.message;
  }
  assert.fail(`${args.join(' ')} was accepted`);
}

test('options, switches and positionals in any order', () => {
  const { positionals, options, help } = parse('one', '-n', '5', '--json', 'two', '--stop', 'a', '--stop=b');
  assert.deepEqual(positionals, ['one', 'two']);
  assert.deepEqual({ ...options }, { 'max-tokens': '5', json: true, stop: ['a', 'b'] });
  assert.equal(help, false);
});

test('what follows -- is no option, and - is a positional', () => {
  assert.deepEqual(parse('-', '--', '--json').positionals, ['-', '--json']);
  assert.equal(parse('--', '--json').options.json, undefined);
});

test('negative numbers and values with a dash after = are values', () => {
  assert.equal(parse('--presence-penalty', '-1.5').options['presence-penalty'], '-1.5');
  assert.deepEqual(parse('--stop=--json').options.stop, ['--json']);
});

test('the last of two equal options counts', () => {
  assert.equal(parse('-n', '1', '-n', '2').options['max-tokens'], '2');
});

test('help is asked for with -h and --help', () => {
  assert.equal(parse('-h').help, true);
  assert.equal(parse('x', '--help').help, true);
});

test('an unknown option is named with the nearest one', () => {
  assert.match(refusal('--max-token', '3'), /--max-token; did you mean --max-tokens\?/);
  assert.match(refusal('--jsno'), /--jsno; did you mean --json\?/);
  assert.match(refusal('--nothing-like-it'), /`bitnet try --help` lists its options/);
  assert.match(refusal('-x'), /no option -x/);
});

test('a forgotten value is missed, whatever follows', () => {
  assert.match(refusal('-n'), /-n needs a value: -n N/);
  assert.match(refusal('--stop', '--json'), /--stop needs a value: --stop TEXT/);
});

test('a switch takes no value', () => {
  assert.match(refusal('--json=yes'), /--json is a switch/);
});

test('the nearest name is near: a beginning, a swap, a letter more or less', () => {
  const names = ['run', 'chat', 'inspect', 'tokenize', 'temperature'];
  assert.equal(nearestName('insp', names), 'inspect');
  assert.equal(nearestName('caht', names), 'chat');
  assert.equal(nearestName('tokenise', names), 'tokenize');
  assert.equal(nearestName('RUN', names), 'run');
  assert.equal(nearestName('xyz', names), undefined);
  assert.equal(nearestName('', names), undefined);
  assert.equal(nearestName('a'.repeat(1_000_000), names), undefined);
});
