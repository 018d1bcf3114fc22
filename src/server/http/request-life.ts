/** The time of a request: its signal is aborted when the client goes, when its time is up, or when the server ends. */
import { RequestError } from './failure.ts';
import type { RequestLimits } from './limits.ts';
import { watchStream } from './streamed-response.ts';

/** Status of a request whose client has gone; nobody sees it but the log (nginx has the same). */
export const CLIENT_GONE = 499;

/** See the file's header. Call {@link end} when the answer is out. */
export class RequestLife {
  /** Its reason is always a RequestError. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #limits: RequestLimits;
  readonly #client: AbortSignal;
  readonly #total: ReturnType<typeof setTimeout> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;

  /** @param client aborted when the client goes */
  constructor(client: AbortSignal, limits: RequestLimits) {
    this.signal = this.#controller.signal;
    this.#client = client;
    this.#limits = limits;
    const { requestSeconds } = limits;
    if (requestSeconds > 0) {
      this.#total = setTimeout(
        () =>
          this.abort(
            504,
            'request_timeout',
            `the answer took longer than ${requestSeconds} seconds; ask for less`,
          ),
        requestSeconds * 1000,
      );
    }
    if (client.aborted) this.#clientGone();
    else client.addEventListener('abort', this.#clientGone, { once: true });
  }

  /** Ends whatever works on the request. */
  abort(status: number, code: string, message: string): void {
    this.#controller.abort(new RequestError({ status, code, message }));
  }

  /**
   * Looks after an answer that is streamed: one that nobody reads is given up.
   *
   * @param disconnect closes the connection; where there is none, the body is broken off
   * @param done called once at the end
   * @returns false where the answer is not streamed
   */
  watch(response: Response, disconnect: (() => void) | undefined, done: (error?: unknown) => void): boolean {
    const { idleSeconds } = this.#limits;
    let isOver = false;
    const giveUp = () => {
      if (isOver) return;
      if (disconnect === undefined) handle?.breakOff(this.signal.reason);
      else disconnect();
    };
    const handle = watchStream(response, {
      offered: () => {
        clearTimeout(this.#idle);
        this.#idle = setTimeout(() => {
          this.abort(408, 'idle_timeout', `the answer was not read for ${idleSeconds} seconds`);
          giveUp();
        }, idleSeconds * 1000);
      },
      taken: () => clearTimeout(this.#idle),
      ended: (error) => {
        if (isOver) return;
        isOver = true;
        done(error);
      },
    });
    // A generator that is awaited ends by the signal, and says why; one that waits for the client cannot.
    this.signal.addEventListener('abort', () => handle?.isAwaited === false && giveUp(), { once: true });
    return handle !== undefined;
  }

  /** Lets go of timers; the signal stays as it is. */
  end(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
    this.#client.removeEventListener('abort', this.#clientGone);
  }

  readonly #clientGone = () => {
    this.abort(CLIENT_GONE, 'client_gone', 'the client closed the connection');
  };
}
