import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from './args.ts';
import { commandHelp, programHelp } from './help.ts';
import { COMMANDS } from './program.ts';
import { stylesOf } from './terminal.ts';

const plain = stylesOf({ isTTY: false, write: () => true });

test("a command's help has every option, every example, and lines that fit", () => {
  for (const command of COMMANDS) {
    const help = commandHelp(command, plain);
    for (const { name, value } of command.options) {
      assert.ok(
        help.includes(`--${name}${value === undefined ? '' : ` ${value}`}`),
        `${command.name} --${name}`,
      );
    }
    for (const [line] of command.examples) assert.ok(help.includes(line), line);
    const longest = Math.max(...help.split('\n').map((line) => line.length));
    assert.ok(longest <= 100, `${command.name}: a line of ${longest} characters`);
  }
});

test('names and shorts of options are used once in a command', () => {
  for (const { name, options } of COMMANDS) {
    const spellings = options.flatMap((option) => [option.name, ...(option.short ? [option.short] : [])]);
    assert.deepEqual([...new Set(spellings)], spellings, name);
    assert.ok(!spellings.includes('h') && !spellings.includes('help'), name);
  }
});

test("the program's help lists all commands but the hidden ones", () => {
  const help = programHelp(COMMANDS, '1.2.3', plain);
  assert.ok(help.includes('bitnet 1.2.3'));
  for (const { name, summary, isHidden } of COMMANDS) {
    const isListed = new RegExp(`^  ${name} +${summary.slice(0, 10)}`, 'm').test(help);
    assert.equal(isListed, isHidden !== true, name);
  }
});

test('the examples in the help are command lines that parse', () => {
  for (const command of COMMANDS) {
    for (const [line] of command.examples) {
      const own = new RegExp(`bitnet ${command.name}(?<args>[^|<]*)`).exec(line)?.groups?.args;
      if (own === undefined) continue;
      const args = (own.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"|"$/g, ''));
      assert.doesNotThrow(() => parseCommandLine(command, args), line);
    }
  }
});
