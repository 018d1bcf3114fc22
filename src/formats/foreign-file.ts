/**
 * Tells files that are often met where a model should be, by their first bytes: what `git clone` leaves in place of a large
 * file, pages that a server sent instead of it, other formats. Only for the sentence of an error; nothing is read as such.
 */
import { type ByteSource, readBytes } from '../base/byte-source.ts';

const LONGEST = 64;

/** First characters, what the file then is, and what to do about it. */
const STARTS: readonly (readonly [RegExp, string])[] = [
  [
    /^version https:\/\/git-lfs/,
    'a pointer of Git LFS that stands for the model; fetch the model itself with `git lfs pull`, or download the file again',
  ],
  [
    /^\s*<(!doctype|html|\?xml)/i,
    'a page that a server sent in place of the model, such as one to log in; download the file again',
  ],
  [/^GGUF/, 'a GGUF file; give it a name that ends in .gguf and open it as a file'],
  [/^(tjgg|fmgg|lmgg)/, 'a file of an older format (GGML); take the GGUF file of the model'],
  [
    /^PK/,
    'a ZIP archive or weights of PyTorch; unpack it, or take the .safetensors or GGUF files of the model',
  ],
  [/^[\s\S]{8}\{"/, 'weights in safetensors; open the folder that it lies in, with its config.json'],
];

/**
 * What a file is that is not in the format asked for, as the end of a sentence; '' where that is not known.
 *
 * @throws as {@link ByteSource.readInto}
 */
export async function foreignFile(source: ByteSource, signal?: AbortSignal): Promise<string> {
  const bytes = await readBytes(source, 0, Math.min(LONGEST, source.size), signal);
  const start = String.fromCharCode(...bytes);
  const [, what] = STARTS.find(([pattern]) => pattern.test(start)) ?? [];
  return what === undefined ? '' : `; it is ${what}`;
}
