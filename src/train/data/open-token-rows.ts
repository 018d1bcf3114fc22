/** Opens a file of tokens and reads rows out of it. The file is not trusted: lengths, ids and padding are checked. */
import { type ByteSource, readBytes } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import {
  badShard,
  decodeHeader,
  decodeTrailer,
  HEADER_BYTES,
  idBytesFor,
  noTokenOf,
  type ShardHeader,
  TRAILER_BYTES,
} from './shard-format.ts';
import { NO_TOKEN, type TokenRows } from './token-rows.ts';

/** Rows of a file. */
export interface TokenFile extends TokenRows, ShardHeader {
  readonly rowLength: number;
  /** Lets go of the file; no rows can be read then. */
  close(): Promise<void>;
}

/** What the rows are to be for. */
export interface OpenTokenRowsOptions {
  /** SHA-256 of the tokenizer.json with which they are to be read. */
  readonly tokenizerHash?: string;
  /** contextLength + 1 of the model. */
  readonly rowLength?: number;
}

/**
 * Opens a file of tokens; it is closed with the rows, or when it is refused.
 *
 * @throws BitnetError `train/bad-shard` when it is damaged, `train/wrong-tokenizer` when it was made with another
 *   tokenizer, `train/wrong-row-length` when its rows have another length; as the source
 */
export async function openTokenRows(
  source: ByteSource,
  options: OpenTokenRowsOptions = {},
): Promise<TokenFile> {
  try {
    return await openChecked(source, options);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openChecked(source: ByteSource, options: OpenTokenRowsOptions): Promise<TokenFile> {
  const { name, size } = source;
  if (size < HEADER_BYTES + TRAILER_BYTES) throw badShard(name, `it has only ${size} bytes`);
  const header = decodeHeader(await readBytes(source, 0, HEADER_BYTES), name);
  const trailer = await readBytes(source, size - TRAILER_BYTES, TRAILER_BYTES);
  const { rows, targets } = decodeTrailer(trailer, header, size, name);
  const { tokenizerHash, rowLength } = options;
  if (tokenizerHash !== undefined && tokenizerHash !== header.tokenizerHash) {
    throw new BitnetError(
      'train/wrong-tokenizer',
      `${name} was made with another tokenizer (SHA-256 ${header.tokenizerHash.slice(0, 12)}…) than the one given ` +
        `(${tokenizerHash.slice(0, 12)}…); use the tokenizer.json that lay beside it, or make the tokens anew`,
      { details: { expected: tokenizerHash, found: header.tokenizerHash } },
    );
  }
  if (rowLength !== undefined && rowLength !== header.rowLength) {
    throw new BitnetError(
      'train/wrong-row-length',
      `${name} has rows of ${header.rowLength} tokens, but a context of ${rowLength - 1} needs ${rowLength}; make the ` +
        'tokens anew',
    );
  }
  return {
    ...header,
    rows,
    targets,
    read: (indexes, out) => readRows(source, header, rows, indexes, out),
    close: () => source.close(),
  };
}

async function readRows(
  source: ByteSource,
  header: ShardHeader,
  rows: number,
  indexes: readonly number[],
  out: Int32Array,
): Promise<void> {
  const { rowLength, vocabularySize } = header;
  const idBytes = idBytesFor(vocabularySize);
  const noToken = noTokenOf(idBytes);
  const bytes = new Uint8Array(rowLength * idBytes);
  const view = new DataView(bytes.buffer);
  for (const [place, index] of indexes.entries()) {
    if (!Number.isInteger(index) || index < 0 || index >= rows) {
      throw badShard(source.name, `row ${index} is asked for of ${rows}`);
    }
    await source.readInto(bytes, HEADER_BYTES + index * bytes.length);
    let isPadding = false;
    for (let i = 0; i < rowLength; i++) {
      const stored = idBytes === 2 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true);
      const isToken = stored !== noToken;
      if (isToken ? stored >= vocabularySize || isPadding : i === 0) {
        throw badShard(source.name, `token ${i} of row ${index} is ${isToken ? stored : 'missing'}`);
      }
      isPadding = !isToken;
      out[place * rowLength + i] = isToken ? stored : NO_TOKEN;
    }
  }
}
