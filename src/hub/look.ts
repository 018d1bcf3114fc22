/** A model of the hub where it lies: its headers can be read over the network before anything is downloaded. */
import { networkFetch } from '#platform';
import { httpFolder, openHttp } from '../formats/sources/http.ts';
import { HubClient } from './api/hub-client.ts';
import { hubSettings } from './api/hub-settings.ts';
import { listRepository, resolveUrl } from './api/listing.ts';
import { DEFAULT_REVISION } from './cache/local-models.ts';
import type { LookOptions, RemoteModel } from './hub.ts';
import type { HubModel } from './model-name.ts';
import { checkNames, filesToHave, type PullSite } from './pull.ts';

/** See Hub.look. */
export async function look(site: PullSite, model: HubModel, options: LookOptions): Promise<RemoteModel> {
  checkNames(model);
  const { repository, revision = DEFAULT_REVISION } = model;
  const { endpoint, token, signal } = options;
  const settings = await hubSettings({
    ...(endpoint !== undefined && { endpoint }),
    ...(token !== undefined && { token }),
  });
  const client = await HubClient.create(settings, site.client);
  const listing = await listRepository(client, repository, revision, signal);
  const { file, files } = filesToHave(model, revision, listing);
  const request = {
    fetch: site.client.fetch ?? (await networkFetch()),
    // A server that files are redirected to does not get it: fetch drops it on the way to another host.
    ...(settings.token !== undefined && { headers: { Authorization: `Bearer ${settings.token}` } }),
  };
  const at = (path: string): string => resolveUrl(settings.endpoint, repository, listing.commit, path);
  return {
    file,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    open: async () =>
      file === undefined ? httpFolder(at(''), request) : openHttp(at(file), request, signal),
  };
}
