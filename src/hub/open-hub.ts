/** Opens the cache of models that the environment names, and the hub that fills it. */
import { openFileTree } from '#platform';
import type { FileTree } from '../base/file-tree.ts';
import type { ClientOptions } from './api/hub-client.ts';
import { cacheFolder } from './api/hub-settings.ts';
import { findModel, listLocalModels } from './cache/local-models.ts';
import { discardDownload, removeModel, unfinishedDownloads } from './cache/remove-models.ts';
import type { Hub } from './hub.ts';
import { look } from './look.ts';
import { checkNames, type PullSite, pull } from './pull.ts';

/** Where models are kept and how patient the client is; the defaults are for people. */
export interface HubOptions extends ClientOptions {
  /** Folder of the cache; default: HF_HUB_CACHE, `hub` in HF_HOME, ~/.cache/huggingface/hub. */
  readonly folder?: string;
  /** Where files are kept instead of in {@link folder}. */
  readonly tree?: FileTree;
  /** Length of the pieces that are verified one by one; default: by the length of the file. */
  readonly pieceBytes?: number;
}

/**
 * The hub, with the cache that huggingface_hub has too.
 *
 * @throws BitnetError `hub/no-cache`; `platform/no-file-system` in browsers that store nothing
 */
export async function openHub(options: HubOptions = {}): Promise<Hub> {
  const { folder, tree = await openFileTree(folder ?? cacheFolder()), pieceBytes, ...client } = options;
  const site: PullSite = { tree, client, pieceBytes };
  return {
    pull: (model, pullOptions = {}) => pull(site, model, pullOptions),
    look: (model, lookOptions = {}) => look(site, model, lookOptions),
    async find(model) {
      checkNames(model);
      return findModel(tree, model);
    },
    list: () => listLocalModels(tree),
    remove: (model) => removeModel(tree, model),
    unfinished: () => unfinishedDownloads(tree),
    discard: (download) => discardDownload(tree, download),
  };
}
