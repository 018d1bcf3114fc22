// @ts-check
/**
 * How much of some texts stands word for word in a corpus: a suffix automaton of the texts reads the corpus once.
 */

/** Which stretches of some texts the corpus has. */
export class CopyFinder {
  /** Transitions of each state. @type {Map<number, number>[]} */
  #next = [new Map()];
  /** Suffix link of each state. */
  #links = [-1];
  /** Longest stretch that leads to a state. */
  #lengths = [0];
  /** Longest stretch of the corpus that was seen in a state. */
  #seen = [0];
  /** @type {readonly (readonly number[])[]} */
  #texts;

  /** @param {readonly (readonly number[])[]} texts of tokens */
  constructor(texts) {
    this.#texts = texts;
    for (const text of texts) {
      let last = 0;
      for (const token of text) last = this.#extend(last, token);
    }
  }

  /**
   * One step of Blumer's construction, for several texts.
   *
   * @param {number} last
   * @param {number} token
   * @returns {number}
   */
  #extend(last, token) {
    const known = this.#next[last]?.get(token);
    if (known !== undefined) {
      return this.#length(known) === this.#length(last) + 1 ? known : this.#split(last, token, known);
    }
    const state = this.#state(this.#length(last) + 1, new Map());
    let from = last;
    while (from !== -1 && !this.#next[from]?.has(token)) {
      this.#next[from]?.set(token, state);
      from = this.#links[from] ?? -1;
    }
    if (from === -1) this.#links[state] = 0;
    else {
      const target = this.#next[from]?.get(token) ?? 0;
      const fits = this.#length(target) === this.#length(from) + 1;
      this.#links[state] = fits ? target : this.#split(from, token, target);
    }
    return state;
  }

  /** @param {number} from @param {number} token @param {number} target */
  #split(from, token, target) {
    const copy = this.#state(this.#length(from) + 1, new Map(this.#next[target]));
    this.#links[copy] = this.#links[target] ?? -1;
    this.#links[target] = copy;
    for (let state = from; state !== -1 && this.#next[state]?.get(token) === target; ) {
      this.#next[state]?.set(token, copy);
      state = this.#links[state] ?? -1;
    }
    return copy;
  }

  /** @param {number} length @param {Map<number, number>} next */
  #state(length, next) {
    this.#next.push(next);
    this.#links.push(-1);
    this.#lengths.push(length);
    this.#seen.push(0);
    return this.#next.length - 1;
  }

  /** @param {number} state */
  #length(state) {
    return this.#lengths[state] ?? 0;
  }

  /**
   * Reads a document of the corpus.
   *
   * @param {ArrayLike<number>} tokens
   */
  read(tokens) {
    let state = 0;
    let length = 0;
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i] ?? 0;
      while (state !== 0 && !this.#next[state]?.has(token)) {
        state = this.#links[state] ?? 0;
        length = this.#length(state);
      }
      const next = this.#next[state]?.get(token);
      if (next === undefined) continue;
      state = next;
      length += 1;
      if (length > (this.#seen[state] ?? 0)) this.#seen[state] = length;
    }
  }

  /**
   * The longest stretch of each text that the documents have.
   *
   * @returns {{ start: number, length: number }[]}
   */
  longest() {
    const byLength = [...this.#lengths.keys()].sort((a, b) => this.#length(b) - this.#length(a));
    for (const state of byLength) {
      const link = this.#links[state] ?? -1;
      // Whatever was seen here has all of the shorter stretch at its end.
      if (link > 0 && (this.#seen[state] ?? 0) > 0) this.#seen[link] = this.#length(link);
    }
    return this.#texts.map((text) => {
      let best = { start: 0, length: 0 };
      let state = 0;
      for (const [i, token] of text.entries()) {
        state = this.#next[state]?.get(token) ?? 0;
        let at = state;
        while (at > 0 && this.#seen[at] === 0) at = this.#links[at] ?? 0;
        const length = this.#seen[at] ?? 0;
        if (length > best.length) best = { start: i + 1 - length, length };
      }
      return best;
    });
  }
}
