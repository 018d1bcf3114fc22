/** What a model can be converted to, by the words of the command line. */
import type { FloatEncoding } from '../tensor/encode.ts';

/** How projections are stored in a GGUF file. */
export const GGUF_TYPES = {
  i2_s: 'I2_S',
  tq1_0: 'TQ1_0',
  tq2_0: 'TQ2_0',
  f16: 'F16',
  bf16: 'BF16',
  f32: 'F32',
} as const;
/** How projections are stored in a Hugging Face folder: four codes in a byte, or as plain floats. */
export const FOLDER_TYPES = { packed: 'U8', bf16: 'BF16', f16: 'F16', f32: 'F32' } as const;
/** How the embedding and a head of its own are stored; blocks are for GGUF only. */
export const TABLE_TYPES: Readonly<Record<'f16' | 'bf16' | 'f32' | 'q8_0' | 'q6_k', FloatEncoding>> = {
  f16: 'F16',
  bf16: 'BF16',
  f32: 'F32',
  q8_0: 'Q8_0',
  q6_k: 'Q6_K',
};

/** A type of projections in GGUF. */
export type GgufType = (typeof GGUF_TYPES)[keyof typeof GGUF_TYPES];
/** A type of projections in a folder. */
export type FolderType = (typeof FOLDER_TYPES)[keyof typeof FOLDER_TYPES];

/** What to make of a model. */
export type ConvertTarget =
  | { readonly format: 'gguf'; readonly projections: GgufType | undefined }
  | { readonly format: 'huggingFace'; readonly projections: FolderType | undefined };

/** How to convert. */
export interface ConvertOptions {
  /** Undefined projections: what holds the model exactly. */
  readonly target: ConvertTarget;
  /** Of the embedding and the head; default what holds them exactly, and F16 from float32 or blocks. */
  readonly table?: FloatEncoding;
  /** Make dense weights ternary all the same; default false. */
  readonly force?: boolean;
  /** Of the new model; default that of the source. */
  readonly name?: string;
  /** Bytes from which on a folder gets several weight files; default 5 GB. */
  readonly shardBytes?: number;
  /** Called with the share of the reading that goes before writing. */
  readonly onMeasure?: (share: number) => void;
  readonly signal?: AbortSignal;
}
