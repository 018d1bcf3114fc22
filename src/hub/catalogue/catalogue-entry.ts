/**
 * What models/catalog.json tells of a published model: where its files are, what it is made of, what is wrong with it.
 * Enough to say without a network whether it will run on a machine. Facts and their sources: docs/models.md.
 */

/** The matrices and lengths of a model, in GGUF's terms. */
export interface PublishedShape {
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly blockCount: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headLength: number;
  readonly vocabularySize: number;
  /** Tokens that the model was trained for. */
  readonly contextLength: number;
  readonly ropeFreqBase: number;
  readonly layerNormRmsEpsilon: number;
  /** True when the output head is the embedding. */
  readonly tiedHead: boolean;
}

/** How the weights of a download are kept. */
export type PublishedFormat = 'I2_S' | 'TQ1_0' | 'TQ2_0' | 'packed' | 'masters' | 'F16';

/** One thing that can be downloaded and loaded: a GGUF file, or a folder in the layout of Hugging Face. */
export interface PublishedFile {
  /** `owner/name` on the hub. */
  readonly repository: string;
  /** Branch, tag or commit; `main` when it is not said. */
  readonly revision?: string;
  /** The GGUF file inside the repository; absent for a folder (config, tokenizer and all safetensors files): `packed`, `masters`. */
  readonly path?: string;
  readonly format: PublishedFormat;
  /** Exact length of the file, or of all weight files of the folder. */
  readonly bytes?: number;
  /** Of the file; of a folder only when it has one weight file. */
  readonly sha256?: string;
  /** Element types of embedding and head. */
  readonly embedding: 'F16' | 'BF16' | 'F32' | 'Q8_0' | 'Q6_K';
}

/** A published model. */
export interface CatalogueEntry {
  /** Short name, which every command takes: `2b4t`. */
  readonly name: string;
  /** Other short names, such as those of its repositories without their owner. */
  readonly aliases: readonly string[];
  /** As its authors call it. */
  readonly title: string;
  /** `general.architecture` of GGUF. */
  readonly architecture: string;
  readonly shape: PublishedShape;
  /** What it was trained to do. */
  readonly kind: 'chat' | 'base' | 'embedding' | 'speech';
  /** SPDX identifier or the licence's own name; absent where the sources do not say. */
  readonly licence?: string;
  /** How messages are put into its prompt, in words; absent for base models. */
  readonly template?: string;
  /** One sentence: what it is good for. */
  readonly goodFor: string;
  /** What is wrong with the published files, and what is done about it: one sentence each. */
  readonly defects: readonly string[];
  /** The one to take by default first. */
  readonly files: readonly PublishedFile[];
}

/** A published ternary model that this package does not run. */
export interface UnsupportedModel {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly title: string;
  readonly kind: CatalogueEntry['kind'];
  readonly repositories: readonly string[];
  readonly licence?: string;
  /** Why not, as the end of a sentence that begins with the model. */
  readonly unsupported: string;
}

/** All of models/catalog.json. */
export interface Catalogue {
  readonly models: readonly CatalogueEntry[];
  readonly unsupported: readonly UnsupportedModel[];
}
