/** docs/models.md against the catalogue: its tables of published models are made here, so no number is kept twice by hand. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCatalogue } from '#src/hub/catalogue/catalogue.js';
import type { CatalogueEntry } from '#src/hub/catalogue/catalogue-entry.js';
import { publishedSize } from '#src/hub/catalogue/published-size.js';
import { ROOT } from './run-process.ts';

const { models, unsupported } = await readCatalogue();
const text = readFileSync(join(ROOT, 'docs', 'models.md'), 'utf8');

/** The table between two comments has to be this one; the message has it for pasting. */
function check(name: string, expected: readonly string[]): void {
  const part = [`<!-- ${name} -->`, '', ...expected, '', '<!-- end -->'].join('\n');
  assert.ok(text.includes(part), `docs/models.md should have this part:\n\n${part}\n`);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(header), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)];
}

function dimsOf({ shape }: CatalogueEntry): string {
  const { embeddingLength, feedForwardLength, blockCount, headCount, headCountKv, headLength } = shape;
  return `${embeddingLength} / ${feedForwardLength}; ${blockCount}; ${headCount} / ${headCountKv} × ${headLength}`;
}

test('the table of dims', () => {
  const rows = models.map((entry) => {
    const { shape } = entry;
    const epsilon = shape.layerNormRmsEpsilon.toExponential();
    return [
      `\`${entry.name}\``,
      entry.title,
      `\`${entry.architecture}\``,
      dimsOf(entry),
      String(shape.vocabularySize),
      `${shape.ropeFreqBase}, ${epsilon}`,
      String(shape.contextLength),
      shape.tiedHead ? 'tied' : 'own',
    ];
  });
  check(
    'dims',
    table(
      ['name', 'model', 'family', 'dims', 'vocabulary', 'rope base, eps', 'trained context', 'head'],
      rows,
    ),
  );
});

test('the table of downloads', () => {
  const rows = models.flatMap((entry) =>
    entry.files.map((file) => {
      const { bytes, isExact } = publishedSize(entry, file);
      return [
        `\`${entry.name}\``,
        `${file.repository}${file.path === undefined ? '' : `, ${file.path}`}`,
        file.format,
        isExact ? bytes.toLocaleString('en-US') : `about ${(bytes / 1e9).toFixed(2)} GB`,
        file.sha256 === undefined ? '' : `\`${file.sha256.slice(0, 8)}…\``,
        entry.licence ?? 'see the repository',
      ];
    }),
  );
  check('downloads', table(['name', 'repository', 'form', 'bytes', 'sha256', 'licence'], rows));
});

test('the list of what is not supported', () => {
  check(
    'unsupported',
    unsupported.map(({ title, unsupported: why }) => `- **${title}**: ${why}.`),
  );
});
