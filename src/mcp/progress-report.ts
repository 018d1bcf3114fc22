/**
 * Tells a client how far a call is, if it asked to be told, and not for every token. Each notification has a larger number
 * than the one before, as the protocol wants it, and is on its way before the next one or the result is.
 */
import type { ServerContext } from '@modelcontextprotocol/server';

/** More would be noise. */
const LEAST_MS_BETWEEN = 100;
/** Of the text that is shown beside the number. */
const LONGEST_MESSAGE = 80;

/** The progress of one call. */
export class ProgressReport {
  readonly #context: ServerContext;
  #told = -1;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  /**
   * @param done tokens so far
   * @param total tokens at most
   * @param text as far as it has come; its end is shown
   */
  async tell(done: number, total: number, text: string): Promise<void> {
    const { mcpReq } = this.#context;
    const progressToken = mcpReq._meta?.progressToken;
    if (progressToken === undefined || done <= this.#told) return;
    const now = performance.now();
    // The first token says that the prompt is done, which may have taken long.
    if (this.#told > 0 && now - this.#toldAt < LEAST_MS_BETWEEN) return;
    this.#told = done;
    this.#toldAt = now;
    const message = Array.from(text.slice(-2 * LONGEST_MESSAGE))
      .slice(-LONGEST_MESSAGE)
      .join('');
    await mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken, progress: done, total, ...(message !== '' && { message }) },
    });
  }
}
