/** docs/mcp.md tells of the tools that there are, with their parameters and results, and its configurations work. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseCommandLine } from '#src/cli/args.js';
import { command } from '#src/cli/commands/mcp.js';
import { ROOT } from '../e2e/run-process.js';
import { connect } from './mcp-client.js';

interface Properties {
  readonly properties?: Readonly<Record<string, { readonly default?: unknown }>>;
}

test('the tables have every tool, parameter, default and result', async (t) => {
  const document = await readFile(join(ROOT, 'docs', 'mcp.md'), 'utf8');
  const row = (name: string) =>
    document.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``));
  const connected = await connect([]);
  t.after(() => connected.close());
  const { tools } = await connected.client.listTools();
  for (const { name, inputSchema, outputSchema } of tools) {
    assert.ok(row(name), name);
    for (const [parameter, { default: value }] of Object.entries(
      (inputSchema as Properties).properties ?? {},
    )) {
      const line = row(parameter);
      assert.ok(line, `${name}.${parameter}`);
      if (typeof value === 'number') assert.ok(line.includes(` ${value} `), `${parameter}: ${value}`);
    }
    // Of the information there are too many, and they speak for themselves.
    if (name === 'model_information') continue;
    for (const result of Object.keys((outputSchema as Properties).properties ?? {})) {
      assert.ok(document.includes(`\`${result}\``), `${name} gives ${result}`);
    }
  }
});

test('the configurations are JSON with command lines that parse', async () => {
  const document = await readFile(join(ROOT, 'docs', 'mcp.md'), 'utf8');
  const blocks = [...document.matchAll(/```json\n(.*?)```/gs)].map(
    ([, json]) => JSON.parse(json!) as unknown,
  );
  assert.ok(blocks.length > 1);
  for (const block of blocks) {
    const { mcpServers } = block as { mcpServers: Record<string, { command: string; args: string[] }> };
    const { command: program, args } = mcpServers.bitnet!;
    assert.deepEqual([program, ...args.slice(0, 3)], ['npx', '-y', 'bitnet.ts', 'mcp']);
    assert.doesNotThrow(() => parseCommandLine(command, args.slice(3)));
  }
});
