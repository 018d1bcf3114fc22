/**
 * The folder of a training run as training sees it: named files that are read at any place and written whole or not at
 * all. On disk it is a directory (src/cli/train/); tests keep it in memory.
 *
 * Names in it: `config.json` (the recipe with its defaults), `tokenizer.json`, `dataset.json`, `train.tokens`,
 * `validation.tokens`, `metrics.jsonl`, `checkpoints/step-00000400.safetensors`, `model/` (Hugging Face layout) and
 * `NAME.i2_s.gguf`, `NAME.tq2_0.gguf`, `NAME.f32.gguf`.
 */
import type { ByteSource } from '../base/byte-source.ts';
import type { ByteSink } from '../formats/tensor-output.ts';

/** See the head of this file. Names have forward slashes. */
export interface RunFolder {
  /** What to call it in messages. */
  readonly name: string;
  /** Undefined when there is no such file. */
  open(fileName: string): Promise<ByteSource | undefined>;
  /**
   * Puts what `write` gives to the sink in the place of the file, when all of it is there.
   *
   * @throws BitnetError `output/failed` with the reason, such as a full disk; the old file is then still there
   */
  write(fileName: string, write: (sink: ByteSink) => Promise<void>): Promise<void>;
  /** Adds text at the end of a file. */
  append(fileName: string, text: string): Promise<void>;
  /** Nothing when there is no such file. */
  remove(fileName: string): Promise<void>;
  /** Names of the files below a folder of it, relative to the run folder, sorted. */
  list(folder: string): Promise<readonly string[]>;
}
