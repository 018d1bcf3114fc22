/**
 * The page's end of the protocol: a worker that is started with the first call, and again after it has died. Nothing heavy is
 * done here, so that the page answers to its user all the time.
 */
import { TransportError } from '../transport/transport.ts';
import type { CallName, Calls, FromWorker, ToWorker } from './protocol.ts';

/** A call that was not answered yet. */
interface Pending {
  readonly onNews: (news: never) => void;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

/** See the file's header. */
export class WorkerLink {
  readonly #page: URL;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #calls = 0;

  /** @param page the folder of the page */
  constructor(page: URL) {
    this.#page = page;
  }

  /**
   * Asks the worker.
   *
   * @throws TransportError; the signal's reason as soon as it is aborted
   */
  call<Name extends CallName>(
    name: Name,
    asked: Calls[Name]['asked'],
    signal: AbortSignal,
    onNews: (news: Calls[Name]['news']) => void = () => {},
  ): Promise<Calls[Name]['answer']> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const id = ++this.#calls;
      const onAbort = () => {
        this.#tell({ kind: 'abort', id });
        settled(reject)(signal.reason);
      };
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal.removeEventListener('abort', onAbort);
          this.#pending.delete(id);
          settle(value);
        };
      signal.addEventListener('abort', onAbort);
      this.#pending.set(id, { onNews, resolve: settled(resolve), reject: settled(reject) });
      this.#tell({ kind: 'call', id, name, asked });
    });
  }

  /**
   * Asks the worker, and gives what it tells meanwhile; leaving early aborts the call.
   *
   * @throws as {@link call}
   */
  async *stream<Name extends CallName>(
    name: Name,
    asked: Calls[Name]['asked'],
    signal: AbortSignal,
  ): AsyncGenerator<Calls[Name]['news'], Calls[Name]['answer'], undefined> {
    const left = new AbortController();
    const waiting: Calls[Name]['news'][] = [];
    let isOver = false;
    let wake = () => {};
    const answer = this.call(name, asked, AbortSignal.any([signal, left.signal]), (news) => {
      waiting.push(news);
      wake();
    });
    const over = () => {
      isOver = true;
      wake();
    };
    answer.then(over, over);
    try {
      for (;;) {
        signal.throwIfAborted();
        const news = waiting.shift();
        if (news !== undefined) yield news;
        else if (isOver) return await answer;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      left.abort();
    }
  }

  #tell(message: ToWorker): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }) => this.#take(data as FromWorker));
    worker.addEventListener('error', (event) => {
      // An error that nobody catches in the worker may leave a call unanswered for ever; another worker begins anew.
      event.preventDefault();
      worker.terminate();
      if (this.#worker === worker) this.#worker = undefined;
      const why = event.message ? ` (${event.message})` : '';
      for (const { reject } of [...this.#pending.values()]) {
        reject(
          new TransportError('refused', `What runs the model on this device ended${why}. Try it again.`),
        );
      }
    });
    worker.postMessage({ kind: 'start', page: this.#page.href } satisfies ToWorker);
    return worker;
  }

  #take(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (message.kind === 'news') pending.onNews(message.news as never);
    else if (message.kind === 'answer') pending.resolve(message.answer as never);
    else pending.reject(new TransportError(message.reason, message.sentence));
  }
}
