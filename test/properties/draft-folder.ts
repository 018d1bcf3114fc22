/**
 * Hugging Face folders in parts: JSON files and tensors, changed and put together again without any check. The weights
 * go into one safetensors file, or into two with an index.
 */
import type { DType } from '#src/tensor/dtype.js';
import { damageWeights } from './draft-weights.js';
import { below, mutated, pick, type Random } from './mutate.js';

interface DraftTensor {
  name: string;
  dtype: DType;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** A folder in parts. */
export interface FolderDraft {
  json: Record<string, unknown>;
  tensors: DraftTensor[];
  /** Files that the tensors are spread over. */
  readonly shards: 1 | 2;
}

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value, null, 1));

/** Puts a folder together. */
export function writeFolder({ json, tensors, shards }: FolderDraft): Map<string, Uint8Array> {
  const files = new Map(Object.entries(json).map(([name, value]) => [name, encode(value)]));
  if (shards === 1) return files.set('model.safetensors', writeTensors(tensors));
  const half = Math.floor(tensors.length / 2);
  const parts = new Map([
    ['a.safetensors', tensors.slice(0, half)],
    ['b.safetensors', tensors.slice(half)],
  ]);
  const weightMap: Record<string, string> = {};
  for (const [file, part] of parts) {
    files.set(file, writeTensors(part));
    for (const { name } of part) weightMap[name] = file;
  }
  return files.set('model.safetensors.index.json', encode({ weight_map: weightMap }));
}

function writeTensors(tensors: readonly DraftTensor[]): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const begin = end;
    end += bytes.length;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`;
  });
  const header = new TextEncoder().encode(`{${entries.join(',')}}`);
  const file = new Uint8Array(8 + header.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  let at = 8 + header.length;
  for (const { bytes } of tensors) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

const JUNK: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  2,
  7,
  1.5,
  64,
  1e9,
  2 ** 53,
  1e-9,
  '',
  'x',
  'bitnet',
  'LlamaForCausalLM',
  '\u001b[2J\n',
  [],
  [[]],
  {},
  { toString: 1 },
  JSON.parse('{"__proto__":{"x":1}}'),
];

/** Replaces, deletes or adds one part of a JSON value in place. */
function damageJson(value: object, random: Random): void {
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record);
  if (keys.length === 0 || below(20, random) === 0) {
    record[pick(['vocab_size', 'rope_scaling', 'head_dim', '0', ''], random)] = pick(JUNK, random);
    return;
  }
  const key = pick(keys, random);
  const child = record[key];
  if (typeof child === 'object' && child !== null && random() < 0.8) damageJson(child, random);
  else if (typeof child === 'number' && random() < 0.4) record[key] = child + pick([-1, 1, child], random);
  else if (random() < 0.8) record[key] = pick(JUNK, random);
  else delete record[key];
}

function damageTensor(draft: FolderDraft, random: Random): void {
  const at = below(draft.tensors.length, random);
  const tensor = draft.tensors[at]!;
  const choice = below(7, random);
  if (choice === 0) draft.tensors.splice(at, 1);
  else if (choice === 1) draft.tensors.push({ ...tensor, name: `${tensor.name}2` });
  else if (choice === 2) tensor.name = pick(draft.tensors, random).name;
  else if (choice === 3) tensor.shape = tensor.shape.toReversed();
  else if (choice === 4) tensor.shape = [...tensor.shape, pick([0, 1, 2 ** 40], random)];
  else if (choice === 5) tensor.dtype = pick(['F32', 'I8', 'BF16', 'F16', 'U8', 'BOOL', 'I64'], random);
  else {
    tensor.shape = tensor.shape.map((dim) => dim * 2);
    tensor.bytes = new Uint8Array(tensor.bytes.length * 2 ** tensor.shape.length);
  }
}

/** The files of a folder with one to three changes. */
export function damagedFolder(draft: FolderDraft, random: Random): Map<string, Uint8Array> {
  const copy: FolderDraft = {
    json: structuredClone(draft.json),
    tensors: draft.tensors.map((tensor) => ({ ...tensor })),
    shards: draft.shards,
  };
  const rounds = 1 + below(3, random);
  const isBlind = below(6, random) === 0;
  for (let n = 0; n < rounds && !isBlind; n++) {
    const choice = below(5, random);
    if (choice < 2) {
      const config = copy.json['config.json'];
      const isWhole = typeof config === 'object' && config !== null;
      damageJson(isWhole && random() < 0.5 ? config : copy.json, random);
    } else if (choice === 2) damageTensor(copy, random);
    else {
      const tensor = pick(copy.tensors, random);
      tensor.bytes = damageWeights(tensor.dtype, tensor.bytes, random);
    }
  }
  const files = writeFolder(copy);
  if (isBlind) {
    const name = pick([...files.keys()], random);
    files.set(name, mutated(files.get(name)!, random));
  }
  return files;
}
