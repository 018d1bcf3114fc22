/** The table of keywords in the docs says what the code does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ANNOTATIONS, ENFORCED, REFUSED } from '#src/server/constraint/schema/keywords.js';
import { STRING_FORMATS } from '#src/server/constraint/schema/string-formats.js';

// Tables are padded to the width of their columns.
const DOCS = readFileSync(
  new URL('../../../docs/server/structured-output.md', import.meta.url),
  'utf8',
).replace(/ +/g, ' ');
const listed = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');

test('the docs list every keyword and format as it is treated', () => {
  for (const [kind, names] of Object.entries(ENFORCED)) {
    const what = kind === 'any' ? 'all values' : `${kind}s`;
    assert.ok(DOCS.includes(`| ${listed(names)} | enforced for ${what} |`), kind);
  }
  assert.ok(DOCS.includes(`| ${listed(ANNOTATIONS)} | annotations`));
  assert.ok(DOCS.includes(`| ${listed(REFUSED)}, and every unknown keyword | refused |`));
  assert.ok(
    DOCS.replaceAll('\n', ' ').includes(`Formats of strings: ${listed(Object.keys(STRING_FORMATS))};`),
  );
});
