/**
 * What a user may write where a model is expected: a path, a URL, a short name of the catalogue, or a repository of the
 * hub with an optional revision and file (`owner/name@revision:file.gguf`).
 */
import type { CatalogueEntry, PublishedFile } from './catalogue/catalogue-entry.ts';

/** A model on the hub. */
export interface HubModel {
  readonly kind: 'hub';
  /** As the user wrote it. */
  readonly label: string;
  /** `owner/name` */
  readonly repository: string;
  /** Branch, tag or commit; `main` when undefined. */
  readonly revision: string | undefined;
  /** A GGUF file of the repository; undefined: chosen from its listing, or the folder of safetensors. */
  readonly file: string | undefined;
  /** What the catalogue knows of it. */
  readonly entry: CatalogueEntry | undefined;
  /** Which download of the entry this is. */
  readonly published: PublishedFile | undefined;
}

/** What a name stands for. */
export type ModelName =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'url'; readonly url: URL }
  | HubModel;
