/**
 * Server-sent events (HTML Standard, section 9.2) out of a response's body, as far as the OpenAI API uses them: the data of each
 * event. Bytes arrive in chunks that end anywhere, within a line or within a character.
 */

/**
 * The data of the events, those of one chunk at a time; an event that the body ends within is dropped, as the standard says.
 *
 * @throws what reading the body throws: the reason of the request's signal when that was aborted
 */
export async function* eventData(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<readonly string[], void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const lines = new LineSplitter();
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const complete: string[] = [];
      for (const line of lines.push(decoder.decode(value, { stream: true }))) {
        if (line === '') {
          if (data.length > 0) complete.push(data.join('\n'));
          data = [];
        } else if (line === 'data') data.push('');
        else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
      }
      if (complete.length > 0) yield complete;
    }
  } finally {
    // Closes the connection where the reader leaves early; by then it may be broken, which is no news.
    reader.cancel().catch(() => {});
  }
}

/** Lines end in LF, CR LF or CR; the LF of a CR at the end of a piece may come with the next. */
class LineSplitter {
  #rest = '';
  #endedInCr = false;

  push(text: string): string[] {
    const more = this.#endedInCr && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') this.#endedInCr = text.endsWith('\r');
    const lines = (this.#rest + more).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? '';
    return lines;
  }
}
