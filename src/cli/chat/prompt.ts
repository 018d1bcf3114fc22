/**
 * The prompt of an interactive chat on node:readline: line editing, history, multi-line messages, pasted text, and
 * Ctrl-C. It keeps reading while an answer is written, so that Ctrl-C is seen, but shows nothing of it until the next
 * prompt; lines entered meanwhile wait for their turn.
 */
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { MessageReader } from './message-reader.ts';

/** How the prompt looks and what it says. */
export interface PromptTexts {
  readonly prompt: string;
  /** Before the further lines of a message. */
  readonly continuation: string;
  /** Said at the first Ctrl-C; the second one leaves. */
  readonly leaveHint: string;
}

/** Asks terminals to mark what is pasted; readline then tells of `paste-start` and `paste-end` keys. */
const MARK_PASTES = '\x1b[?2004h';
const DO_NOT_MARK_PASTES = '\x1b[?2004l';

/** See the file's header. */
export class ChatPrompt {
  readonly #texts: PromptTexts;
  readonly #terminal: NodeJS.WriteStream;
  readonly #screen: Screen;
  readonly #readline: Interface;
  readonly #reader = new MessageReader();
  /** Messages entered before they were asked for. */
  readonly #waiting: string[] = [];
  #receive: ((message: string | undefined) => void) | undefined;
  #stopAnswer: (() => void) | undefined;
  #isPasting = false;
  #isWarned = false;
  #isClosed = false;

  constructor(texts: PromptTexts, input: NodeJS.ReadStream, terminal: NodeJS.WriteStream) {
    this.#texts = texts;
    this.#terminal = terminal;
    this.#screen = new Screen(terminal);
    this.#readline = createInterface({
      input,
      output: this.#screen,
      terminal: true,
      prompt: texts.prompt,
      historySize: 1000,
      removeHistoryDuplicates: true,
    });
    this.#readline.on('line', (line) => this.#takeLine(line));
    this.#readline.on('SIGINT', () => this.#interrupt());
    // readline pauses when the process comes back from the background, and would wait for nothing.
    this.#readline.on('SIGCONT', () => this.#readline.resume());
    this.#readline.on('close', () => this.#end());
    input.on('keypress', (_text, key: { name?: string } | undefined) => {
      if (key?.name === 'paste-start') this.#isPasting = true;
      if (key?.name === 'paste-end') this.#isPasting = false;
    });
    terminal.write(MARK_PASTES);
  }

  /** The next message; undefined when the user leaves. */
  async next(): Promise<string | undefined> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#terminal.write(`${this.#texts.prompt}${waiting}\n`);
      return waiting;
    }
    if (this.#isClosed) return undefined;
    return new Promise((resolve) => {
      this.#receive = resolve;
      this.#screen.isShown = true;
      this.#ask();
    });
  }

  /**
   * Runs `work` with keys hidden; Ctrl-C and leaving abort its signal.
   *
   * @throws as `work`
   */
  async whileAnswering<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#stopAnswer = () => controller.abort();
    this.#screen.isShown = false;
    try {
      return await work(AbortSignal.any([signal, controller.signal]));
    } finally {
      this.#stopAnswer = undefined;
    }
  }

  /** Gives the terminal back. */
  close(): void {
    this.#readline.close();
  }

  #ask(): void {
    this.#readline.setPrompt(this.#reader.isOpen ? this.#texts.continuation : this.#texts.prompt);
    this.#readline.prompt(true);
  }

  #takeLine(line: string): void {
    this.#isWarned = false;
    const message = this.#reader.push(line, this.#isPasting);
    if (message === undefined || message.trim() === '') {
      if (this.#receive !== undefined) this.#ask();
    } else if (this.#receive === undefined) {
      this.#waiting.push(message);
    } else {
      this.#hand(message);
    }
  }

  #hand(message: string | undefined): void {
    const receive = this.#receive;
    this.#receive = undefined;
    this.#screen.isShown = false;
    receive?.(message);
  }

  #interrupt(): void {
    this.#clearLine();
    this.#reader.clear();
    this.#waiting.length = 0;
    if (this.#stopAnswer !== undefined) {
      this.#stopAnswer();
    } else if (this.#isWarned) {
      this.close();
    } else {
      this.#isWarned = true;
      this.#terminal.write(`\n${this.#texts.leaveHint}\n`);
      this.#ask();
    }
  }

  /** Takes away what has been typed of a line. */
  #clearLine(): void {
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#terminal.write(DO_NOT_MARK_PASTES);
    this.#waiting.length = 0;
    this.#stopAnswer?.();
    // What comes next in the terminal starts on a line of its own.
    if (this.#receive !== undefined) this.#terminal.write('\n');
    this.#hand(undefined);
  }
}

/** The terminal as readline sees it: what it writes appears only while {@link isShown}. */
class Screen extends Writable {
  isShown = false;
  readonly isTTY = true;
  readonly #terminal: NodeJS.WriteStream;

  constructor(terminal: NodeJS.WriteStream) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
    terminal.on('resize', () => this.emit('resize'));
  }

  get columns(): number {
    return this.#terminal.columns;
  }

  get rows(): number {
    return this.#terminal.rows;
  }

  override _write(chunk: string | Uint8Array, _encoding: string, done: () => void): void {
    if (this.isShown) this.#terminal.write(chunk);
    done();
  }
}
