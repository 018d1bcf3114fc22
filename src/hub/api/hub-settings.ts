/**
 * What the environment says about the hub: the variables of huggingface_hub, so that whoever has set that up has set this
 * up too. https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
import { environmentVariable, homeFolder, platformName, readUserFile } from '#platform';
import { BitnetError } from '../../base/errors.ts';

/** Where the hub is when nothing is said. */
export const PUBLIC_ENDPOINT = 'https://huggingface.co';

/** How to talk to a hub. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
}

/**
 * The endpoint and the token: what the caller gives, else HF_ENDPOINT and HF_TOKEN, else the file that `hf auth login` wrote.
 *
 * @throws BitnetError `hub/bad-endpoint`
 */
export async function hubSettings(given: { endpoint?: string; token?: string }): Promise<HubSettings> {
  const endpoint = (given.endpoint ?? environmentVariable('HF_ENDPOINT') ?? PUBLIC_ENDPOINT).replace(
    /\/+$/,
    '',
  );
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new BitnetError(
      'hub/bad-endpoint',
      `the hub's address "${endpoint}" is no http or https URL; correct HF_ENDPOINT, as in ${PUBLIC_ENDPOINT}`,
    );
  }
  return { endpoint, token: given.token ?? (await storedToken()) };
}

async function storedToken(): Promise<string | undefined> {
  const named = environmentVariable('HF_TOKEN') ?? environmentVariable('HUGGING_FACE_HUB_TOKEN');
  if (named !== undefined) return named.trim() || undefined;
  if (isSwitchedOn('HF_HUB_DISABLE_IMPLICIT_TOKEN')) return undefined;
  const path = environmentVariable('HF_TOKEN_PATH') ?? joined(huggingFaceHome(), 'token');
  const text = path === undefined ? undefined : await readUserFile(expanded(path));
  return text?.trim() || undefined;
}

/** HF_HUB_OFFLINE, as huggingface_hub reads it. */
export function isOffline(): boolean {
  return isSwitchedOn('HF_HUB_OFFLINE') || isSwitchedOn('TRANSFORMERS_OFFLINE');
}

function isSwitchedOn(name: string): boolean {
  return /^(1|on|yes|true)$/i.test(environmentVariable(name) ?? '');
}

/**
 * The folder of the cache: HF_HUB_CACHE, else `hub` in HF_HOME. In browsers a name inside the page's own storage.
 *
 * @throws BitnetError `hub/no-cache` where there is no home either
 */
export function cacheFolder(): string {
  if (platformName === 'browser') return 'huggingface/hub';
  const named = environmentVariable('HF_HUB_CACHE') ?? environmentVariable('HUGGINGFACE_HUB_CACHE');
  const folder = named === undefined ? joined(huggingFaceHome(), 'hub') : expanded(named);
  if (folder !== undefined) return folder;
  throw new BitnetError(
    'hub/no-cache',
    'there is no home folder to keep models in; name a folder with HF_HOME',
  );
}

function huggingFaceHome(): string | undefined {
  const named = environmentVariable('HF_HOME');
  if (named !== undefined) return expanded(named);
  const cache = environmentVariable('XDG_CACHE_HOME') ?? joined(homeFolder(), '.cache');
  return joined(cache === undefined ? undefined : expanded(cache), 'huggingface');
}

function expanded(path: string): string {
  const home = homeFolder();
  return home !== undefined && /^~(?=$|[/\\])/.test(path) ? home + path.slice(1) : path;
}

function joined(folder: string | undefined, name: string): string | undefined {
  return folder === undefined ? undefined : `${folder.replace(/[/\\]+$/, '')}/${name}`;
}
