/**
 * Reads the part of YAML that the manifests of deploy/ are written in: block mappings and sequences, plain and double-quoted
 * scalars on one line, whole-line comments, one document per file. Anything else is an error, so nothing is read wrongly.
 */

/** What a manifest is made of. */
export type Value = string | number | boolean | Value[] | { [key: string]: Value };

interface Line {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

/** The document of a file. */
export function readManifest(text: string): Value {
  const lines = text.split('\n').flatMap((line, i): Line[] => {
    const content = line.trimEnd();
    if (content.trim() === '' || content.trim().startsWith('#')) return [];
    return [{ number: i + 1, indent: content.length - content.trimStart().length, text: content.trim() }];
  });
  const [value, rest] = readBlock(lines, 0);
  if (rest.length > 0) fail(rest[0]!, 'is indented like nothing before it');
  return value;
}

function readBlock(lines: readonly Line[], indent: number): [Value, readonly Line[]] {
  const isSequence = lines[0]!.text.startsWith('- ');
  return isSequence ? readSequence(lines, indent) : readMapping(lines, indent);
}

function readSequence(lines: readonly Line[], indent: number): [Value[], readonly Line[]] {
  const items: Value[] = [];
  let rest = lines;
  while (rest[0]?.indent === indent && rest[0].text.startsWith('- ')) {
    const line = rest[0];
    const text = line.text.slice(2).trim();
    if (/^[\w./-]+:(\s|$)/.test(text)) {
      // A mapping whose first key stands behind the dash.
      const [item, after] = readMapping(
        [{ ...line, indent: indent + 2, text }, ...rest.slice(1)],
        indent + 2,
      );
      items.push(item);
      rest = after;
    } else {
      items.push(scalar(line, text));
      rest = rest.slice(1);
    }
  }
  return [items, rest];
}

function readMapping(lines: readonly Line[], indent: number): [Value, readonly Line[]] {
  const mapping: Record<string, Value> = {};
  let rest = lines;
  while (rest[0]?.indent === indent) {
    const line = rest[0];
    const [, key, text] = /^([\w./-]+):(?: +(.*))?$/.exec(line.text) ?? fail(line, 'is no key with a value');
    if (Object.hasOwn(mapping, key!)) fail(line, 'repeats a key');
    rest = rest.slice(1);
    if (text !== undefined) {
      mapping[key!] = scalar(line, text);
      continue;
    }
    if (!(rest[0] !== undefined && rest[0].indent === indent + 2)) fail(line, 'has no value');
    [mapping[key!], rest] = readBlock(rest, indent + 2);
  }
  return [mapping, rest];
}

function scalar(line: Line, text: string): Value {
  if (text.startsWith('"')) return JSON.parse(text) as string;
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  if (!/^[\w./][\w./:-]*$|^-[\w-]+$/.test(text) || /^(null|yes|no|on|off|~)$/i.test(text)) {
    fail(line, 'has a value that is read in no way here');
  }
  return text;
}

function fail({ number, text }: Line, why: string): never {
  throw new Error(`line ${number} (${text}) ${why}`);
}
