/**
 * Requests to a hub: with the token, repeated while the fault may pass, and every refusal turned into the sentence that
 * says what to do. The hub tells what is wrong in the header X-Error-Code; where a mirror leaves it out, the status decides.
 * A file's own server (the CDN that the hub redirects to) never sees the token: `fetch` drops it on the way to another host.
 */
import { networkFetch } from '#platform';
import { BitnetError } from '../../base/errors.ts';
import type { HubSettings } from './hub-settings.ts';

/** A fault that asking again may cure; never leaves src/hub/. */
export class PassingFault extends Error {
  override readonly name = 'PassingFault';
  /** Milliseconds to wait first, where the server says so. */
  readonly waitMs: number | undefined;

  constructor(message: string, waitMs?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.waitMs = waitMs;
  }
}

/** How a client behaves; the tests are less patient than people. */
export interface ClientOptions {
  /** Instead of the network's own. */
  readonly fetch?: typeof fetch;
  /** Failures in a row before giving up; default 6. */
  readonly attempts?: number;
  /** Wait after the first failure, doubled each time up to 16 times; default 500. */
  readonly retryDelayMs?: number;
  /** A connection that brings nothing for so long is cut; default 30 000. */
  readonly stallMs?: number;
}

/** What a request is about, for messages. */
export interface Subject {
  readonly repository: string;
  readonly revision: string;
  readonly file?: string;
}

/** The longest wait that a server can ask for; beyond it the user decides. */
const LONGEST_WAIT_MS = 60_000;
const MEBIBYTE = 1024 * 1024;
/** A listing of ten thousand files takes about 3 MB. */
const MAX_ANSWER_BYTES = 16 * MEBIBYTE;

/** Talks to one hub. */
export class HubClient {
  readonly settings: HubSettings;
  readonly stallMs: number;
  readonly #fetch: typeof fetch;
  readonly #attempts: number;
  readonly #retryDelayMs: number;

  private constructor(settings: HubSettings, request: typeof fetch, options: ClientOptions) {
    this.settings = settings;
    this.stallMs = options.stallMs ?? 30_000;
    this.#fetch = request;
    this.#attempts = options.attempts ?? 6;
    this.#retryDelayMs = options.retryDelayMs ?? 500;
  }

  static async create(settings: HubSettings, options: ClientOptions): Promise<HubClient> {
    return new HubClient(settings, options.fetch ?? (await networkFetch()), options);
  }

  /**
   * One GET whose answer is a success; its body is the caller's.
   *
   * @param headers besides the token, which goes to the hub's own host alone
   * @throws PassingFault; BitnetError as {@link refusal}; the signal's reason when aborted
   */
  async request(
    url: string,
    subject: Subject,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const { endpoint, token } = this.settings;
    const isOwn = new URL(url).origin === new URL(endpoint).origin;
    const authorization: Record<string, string> =
      token === undefined || !isOwn ? {} : { Authorization: `Bearer ${token}` };
    let response: Response;
    try {
      response = await this.#fetch(url, {
        headers: { ...headers, ...authorization },
        signal: signal ?? null,
      });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new PassingFault(
        `${new URL(url).host} cannot be reached (${networkReason(cause)})`,
        undefined,
        cause,
      );
    }
    if (response.ok) return response;
    const error = refusal(response, this.settings, subject);
    await response.body?.cancel().catch(() => {});
    throw error;
  }

  /**
   * A JSON answer of the hub's API, and where the next page of it is.
   *
   * @throws BitnetError as {@link refusal}, `hub/unreachable`, `hub/bad-answer`
   */
  async json(
    url: string,
    subject: Subject,
    signal: AbortSignal | undefined,
  ): Promise<{ value: unknown; next: string | undefined }> {
    return this.retry(subject, signal, async () => {
      const limit = withTimeout(signal, this.stallMs);
      try {
        const response = await this.request(url, subject, { Accept: 'application/json' }, limit.signal);
        const text = await readText(response, limit.touch);
        return { value: parseJson(text, url), next: nextPage(response, url) };
      } catch (error) {
        throw limit.causeOf(error);
      } finally {
        limit.end();
      }
    });
  }

  /**
   * Runs `step` until it succeeds, waiting longer after each {@link PassingFault}.
   *
   * @param hasProgressed asked after a failure: true begins to count anew
   * @throws BitnetError `hub/unreachable` after the last attempt, `hub/rate-limited`; whatever else `step` throws
   */
  async retry<T>(
    subject: Subject,
    signal: AbortSignal | undefined,
    step: () => Promise<T>,
    hasProgressed: () => boolean = () => false,
  ): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        signal?.throwIfAborted();
        return await step();
      } catch (error) {
        if (!(error instanceof PassingFault)) throw error;
        if (hasProgressed()) failures = 1;
        if (failures >= this.#attempts) throw this.#unreachable(subject, error, failures);
        const wait = error.waitMs ?? this.#retryDelayMs * 2 ** Math.min(failures - 1, 4);
        if (wait > LONGEST_WAIT_MS) throw rateLimited(this.settings, wait);
        await delay(wait, signal);
      }
    }
  }

  #unreachable(subject: Subject, fault: PassingFault, attempts: number): BitnetError {
    return new BitnetError(
      'hub/unreachable',
      `${subject.repository}: ${fault.message}, ${attempts} times in a row; check the connection (or HF_ENDPOINT and ` +
        'HTTPS_PROXY) and run the same again: what has arrived is kept',
      { details: { ...subject }, cause: fault },
    );
  }
}

/** Ends an exchange with a server that says nothing any more. */
export interface TimeLimit {
  readonly signal: AbortSignal;
  /** Something was heard. */
  touch(): void;
  /** Nothing can be heard until {@link touch}. */
  pause(): void;
  end(): void;
  /** What is to be told of an error that may be the abort's. */
  causeOf(error: unknown): unknown;
}

/** A signal that is aborted when nothing was heard for `ms`, or when the caller's is. */
export function withTimeout(outer: AbortSignal | undefined, ms: number): TimeLimit {
  const controller = new AbortController();
  const stalled = new PassingFault(`no bytes came for ${Math.round(ms / 1000)} seconds`);
  const onAbort = (): void => controller.abort(outer?.reason);
  const start = (): ReturnType<typeof setTimeout> => setTimeout(() => controller.abort(stalled), ms);
  let timer = start();
  if (outer?.aborted) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    touch() {
      clearTimeout(timer);
      timer = start();
    },
    pause: () => clearTimeout(timer),
    end() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
    },
    // Whatever an abort broke, the abort is the cause.
    causeOf: (error) => (controller.signal.aborted ? controller.signal.reason : error),
  };
}

/**
 * What an answer that is no success means: PassingFault, or BitnetError `hub/not-found`, `hub/gated`, `hub/unauthorized`,
 * `hub/refused`, `hub/rate-limited`.
 */
export function refusal(response: Response, settings: HubSettings, subject: Subject): Error {
  const { status } = response;
  const { repository, revision, file } = subject;
  const { endpoint, token } = settings;
  const code = response.headers.get('x-error-code') ?? '';
  const details = { ...subject, status };
  const fault = (kind: string, sentence: string): BitnetError =>
    new BitnetError(`hub/${kind}`, sentence, { details });
  if (status === 429 || status >= 500) {
    const wait = retryAfter(response);
    if (status === 429 && wait !== undefined && wait > LONGEST_WAIT_MS) return rateLimited(settings, wait);
    return new PassingFault(`${new URL(response.url || endpoint).host} answered ${status}`, wait);
  }
  const host = URL.canParse(response.url) ? new URL(response.url) : new URL(endpoint);
  // Elsewhere than on the hub a refusal is about a signed address that has run out; the hub gives another one.
  if (status === 408 || (code === '' && host.origin !== new URL(endpoint).origin)) {
    return new PassingFault(`${host.host} answered ${status}`);
  }
  if (code === 'GatedRepo' || (code === '' && status === 403)) {
    const page = `${endpoint}/${repository}`;
    return token === undefined
      ? fault(
          'gated',
          `${repository} is given only to those who accepted its terms: accept them on ${page}, make a token on ${endpoint}/settings/tokens, and set HF_TOKEN to it`,
        )
      : fault(
          'gated',
          `${repository} is not open to the account of your HF_TOKEN: accept its terms on ${page} and see that the token may read gated repositories`,
        );
  }
  if (code === 'RevisionNotFound') {
    return fault(
      'not-found',
      `${repository} has no revision "${revision}"; leave the revision out, or look on ${endpoint}/${repository} for its branches and tags`,
    );
  }
  if (code === 'EntryNotFound') {
    return fault(
      'not-found',
      `${repository} has no file ${file ?? ''} in revision ${revision}; ${endpoint}/${repository}/tree/${revision} lists what it has`,
    );
  }
  if (status === 401 && token !== undefined && code !== 'RepoNotFound') {
    return fault(
      'unauthorized',
      `the hub does not accept your HF_TOKEN; make a new one on ${endpoint}/settings/tokens, or unset it for models that are open to all`,
    );
  }
  if (status === 401 || status === 404 || code === 'RepoNotFound') {
    const hint =
      token === undefined
        ? 'if it is private, set HF_TOKEN'
        : 'if it is private, your HF_TOKEN may not read it';
    return fault(
      'not-found',
      `there is no repository ${repository} on ${endpoint}: check the spelling; ${hint}`,
    );
  }
  return fault(
    'refused',
    `${repository}: the hub answered ${status}${code === '' ? '' : ` (${code})`} and gave no file; try again later, or see ${endpoint}/${repository}`,
  );
}

function rateLimited(settings: HubSettings, waitMs: number): BitnetError {
  const hint = settings.token === undefined ? '; with HF_TOKEN set, the limits are higher' : '';
  return new BitnetError(
    'hub/rate-limited',
    `the hub asks to wait ${Math.ceil(waitMs / 1000)} seconds; run the same again then, what has arrived is kept${hint}`,
  );
}

/** Seconds or a date (RFC 9110 section 10.2.3), in milliseconds from now. */
function retryAfter(response: Response): number | undefined {
  const text = response.headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** The `next` of a Link header (RFC 8288). Only its query counts: the token must not follow it to another server. */
function nextPage(response: Response, url: string): string | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
  if (target === undefined || !URL.canParse(target, url)) return undefined;
  const next = new URL(url);
  next.search = new URL(target, url).search;
  return next.href;
}

async function readText(response: Response, touch: () => void): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = '';
  let size = 0;
  while (reader !== undefined) {
    const { value, done } = await reader.read().catch((cause: unknown) => {
      throw new PassingFault('the connection broke', undefined, cause);
    });
    if (done) break;
    touch();
    size += value.byteLength;
    if (size > MAX_ANSWER_BYTES) {
      await reader.cancel();
      throw new BitnetError(
        'hub/bad-answer',
        `${response.url}: the answer is longer than ${MAX_ANSWER_BYTES} bytes; is this a hub?`,
      );
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

function parseJson(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BitnetError('hub/bad-answer', `${url} does not answer as a hub does; check HF_ENDPOINT`, {
      cause,
    });
  }
}

function networkReason(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = (inner as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : inner instanceof Error ? inner.message : String(inner);
}

/** Resolves after `ms`. @throws the signal's reason when aborted */
export function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
