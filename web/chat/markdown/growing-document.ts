/**
 * A text that grows, as blocks. What can no longer change is parsed once and kept; only the last blocks are parsed again
 * when more text comes, in pieces of a few kilobytes, so that the cost does not grow with the text. A line that is not
 * complete may still join the blocks before it; that is why two blocks stay open.
 */
import type { List, RootContent } from 'mdast';
import { isFence, nextFence, readFence } from '../code/fenced-code.ts';
import { closeOpenMarks } from './open-marks.ts';
import { countNodes, isIntricate, type ParsedBlock, parseBlocks } from './parse-blocks.ts';

interface MarkdownContent {
  readonly kind: 'markdown';
  readonly node: RootContent;
  /** Of a heading: 1 for those above all others, and never more than one below the heading before. */
  readonly level: number | undefined;
}

/** What a block holds. */
export type BlockContent =
  | MarkdownContent
  | { readonly kind: 'code'; readonly language: string; readonly code: string }
  /** Shown as it is written. */
  | { readonly kind: 'plain'; readonly text: string };

/** A block; as long as it is the same object, nothing of it has changed. */
export interface Block {
  /** Offset in the text: no two blocks have the same. */
  readonly start: number;
  readonly source: string;
  readonly content: BlockContent;
  /** More of it may come. */
  readonly isOpen: boolean;
  /** Length of the definitions that were known when it was parsed. */
  readonly definitions: number;
}

/** Characters that are parsed at once, and most of them where a block does not end before. */
const PIECE = 2000;
const MAX_PIECE = 6000;
const MAX_TABLE = 9000;
const MAX_PLAIN = 20_000;
/** Nodes that one text may have; what comes after them is shown as it is written. */
const MAX_NODES = 20_000;
/** A code block has a head, a button and its parts. */
const CODE_NODES = 40;
/** A list longer than this is closed item by item. */
const MAX_OPEN_LIST = 1500;
const MAX_DEFINITIONS = 2000;
const BLANK_LINES = /^(?:[ \t]{0,99}\n)+/;
/** How many times as long as a parse took there is none. */
const REST = 3;

/** See the file's header. */
export class GrowingDocument {
  #text = '';
  #isComplete = false;
  #isUpToDate = true;
  #settled: Block[] = [];
  #open: readonly Block[] = [];
  /** Offset behind the settled blocks. */
  #start = 0;
  #piece: number = PIECE;
  /** Number of the next item of a list that was closed before its end. */
  #nextNumber: number | undefined;
  #definitions = '';
  /** Depths of the headings that what comes next is under. */
  #outline: number[] = [];
  #nodes = 0;
  #revised = 0;
  #restUntil = 0;

  /** The text that there is now; `isComplete` when no more will come. */
  update(text: string, isComplete: boolean): void {
    if (text === this.#text && isComplete === this.#isComplete) return;
    if (this.#isComplete || !text.startsWith(this.#text)) this.#reset();
    this.#text = text;
    this.#isComplete = isComplete;
    this.#isUpToDate = false;
  }

  /** All blocks as far as they are known. */
  get blocks(): readonly Block[] {
    return this.#open.length === 0 ? this.#settled : [...this.#settled, ...this.#open];
  }

  /**
   * Parses until the text is done or the time is over, but at least one piece.
   *
   * @param deadline as of performance.now()
   * @returns false when it has to go on
   */
  work(deadline: number): boolean {
    if (this.#isUpToDate) return true;
    const begin = performance.now();
    if (!this.#isComplete && begin < this.#restUntil) return false;
    let isDone = false;
    while (!isDone) {
      isDone = !this.#step() && !this.#revise();
      if (!isDone && performance.now() > deadline) break;
    }
    const now = performance.now();
    this.#restUntil = now + REST * (now - begin);
    this.#isUpToDate = isDone;
    if (!isDone) this.#open = this.#rest();
    return isDone;
  }

  #reset(): void {
    this.#settled = [];
    this.#open = [];
    this.#start = 0;
    this.#piece = PIECE;
    this.#nextNumber = undefined;
    this.#definitions = '';
    this.#outline = [];
    this.#nodes = 0;
    this.#revised = 0;
    this.#restUntil = 0;
  }

  /** Settles some blocks; false when no more can be, and then the open ones are as they should be. */
  #step(): boolean {
    this.#start += BLANK_LINES.exec(this.#text.slice(this.#start, this.#start + MAX_PIECE))?.[0].length ?? 0;
    const tail = this.#text.slice(this.#start);
    if (tail === '') {
      this.#open = [];
      return false;
    }
    if (this.#nodes > MAX_NODES) return this.#stepPlain(tail);
    if (isFence(tail)) return this.#stepCode(tail);
    const fence = nextFence(tail.slice(0, this.#piece + 1));
    if (fence > 0 && tail.slice(fence).includes('\n')) return this.#settleAll(tail.slice(0, fence));
    if (tail.length > this.#piece) return this.#stepPiece(tail);
    if (this.#isComplete) return this.#settleAll(tail);
    return this.#stepEnd(tail);
  }

  #stepCode(tail: string): boolean {
    const { language, code, end, isClosed } = readFence(tail);
    const isSettled = this.#isComplete || (isClosed && tail[end - 1] === '\n');
    const content: BlockContent = { kind: 'code', language, code };
    const block = this.#block(0, tail.slice(0, end), content, !isSettled);
    this.#nextNumber = undefined;
    if (isSettled) this.#settle([block], end);
    else this.#open = [block];
    return isSettled;
  }

  #stepPlain(tail: string): boolean {
    if (tail.length > MAX_PLAIN || this.#isComplete) return this.#settlePlain(tail.slice(0, MAX_PLAIN));
    this.#open = [this.#block(0, tail, { kind: 'plain', text: tail }, true)];
    return false;
  }

  /** More text than one piece: all but its last block is settled, and that one too if it fills the largest piece. */
  #stepPiece(tail: string): boolean {
    const lineEnd = tail.lastIndexOf('\n', this.#piece - 1) + 1;
    const source = tail.slice(0, lineEnd > 0 ? lineEnd : this.#piece);
    if (isIntricate(source)) return this.#settleParagraph(tail);
    const isWhole = lineEnd > 0;
    const blocks = isWhole ? this.#parse(source) : [];
    const last = blocks.at(-1);
    if (blocks.length > 1) return this.#settle(this.#asBlocks(blocks.slice(0, -1), source), last!.start);
    if (last !== undefined && this.#settleItems(last, source, 1)) return true;
    if (this.#piece < (last?.node.type === 'table' ? MAX_TABLE : MAX_PIECE)) {
      this.#piece *= 2;
      return true;
    }
    return this.#settlePlain(source);
  }

  /** The end of a text that goes on. */
  #stepEnd(tail: string): boolean {
    if (isIntricate(tail)) return this.#stepPlain(tail);
    const source = closeOpenMarks(tail);
    const blocks = this.#parse(source);
    const kept = blocks.at(-2);
    if (blocks.length > 2) return this.#settle(this.#asBlocks(blocks.slice(0, -2), tail), kept!.start);
    const only = blocks.length === 1 ? blocks[0] : undefined;
    if (only !== undefined && tail.length > MAX_OPEN_LIST && this.#settleItems(only, source, 2)) return true;
    const known = new Map(this.#open.map((block) => [block.start, block]));
    const outline = [...this.#outline];
    this.#open = blocks.map(({ node, start, end }) => {
      const content = markdownContent(this.#numbered(node), outline);
      const block = this.#block(start, source.slice(start, end), content, true);
      const before = known.get(block.start);
      const isSame = before?.content.kind === 'markdown' && before.content.level === content.level;
      return isSame && before.source === block.source ? before : block;
    });
    return false;
  }

  #parse(source: string): ParsedBlock[] {
    return parseBlocks(source, this.#definitions);
  }

  #settleAll(source: string): boolean {
    if (isIntricate(source)) return this.#settleParagraph(source);
    return this.#settle(this.#asBlocks(this.#parse(source), source), source.length);
  }

  /** Parses the first paragraph alone, or shows it plainly if it is the intricate one. */
  #settleParagraph(source: string): boolean {
    const blank = source.slice(0, MAX_PLAIN).indexOf('\n\n');
    const paragraph = source.slice(0, blank < 0 ? MAX_PLAIN : blank + 2);
    if (paragraph.length > MAX_PIECE || isIntricate(paragraph)) return this.#settlePlain(paragraph);
    return this.#settle(this.#asBlocks(this.#parse(paragraph), paragraph), paragraph.length);
  }

  #settlePlain(source: string): boolean {
    return this.#settle([this.#block(0, source, { kind: 'plain', text: source }, false)], source.length);
  }

  /** Settles a list's items but the last ones, since a list may go on for ever; false where it is none. */
  #settleItems({ node, start }: ParsedBlock, source: string, open: number): boolean {
    if (node.type !== 'list' || node.children.length <= open) return false;
    const settled = node.children.slice(0, -open);
    const next = node.children[settled.length]!.position!.start.offset! - this.#prefixLength(source);
    const line = source.lastIndexOf('\n', next - 1) + 1;
    const numbered = this.#numbered(node) as List;
    const part: List = { ...numbered, children: settled };
    const block = this.#block(start, source.slice(start, line), markdownContent(part, []), false);
    const number = typeof numbered.start === 'number' ? numbered.start + settled.length : undefined;
    this.#settle([block], line);
    this.#nextNumber = number;
    return true;
  }

  /** Of the definitions that stood before the source when it was parsed. */
  #prefixLength(source: string): number {
    return this.#definitions !== '' && source.includes('[') ? this.#definitions.length + 1 : 0;
  }

  #settle(blocks: readonly Block[], length: number): boolean {
    for (const block of blocks) this.#learn(block);
    this.#settled = [...this.#settled, ...blocks];
    this.#open = [];
    this.#start += length;
    this.#piece = PIECE;
    this.#nextNumber = undefined;
    return true;
  }

  #asBlocks(parsed: readonly ParsedBlock[], source: string): Block[] {
    return parsed.map(({ node, start, end }, index) =>
      this.#block(
        start,
        source.slice(start, end),
        markdownContent(index === 0 ? this.#numbered(node) : node, this.#outline),
        false,
      ),
    );
  }

  /** A list that goes on one that was closed before its end counts on from there. */
  #numbered(node: RootContent): RootContent {
    const isContinued = this.#nextNumber !== undefined && node.type === 'list' && node.ordered === true;
    return isContinued ? { ...node, start: this.#nextNumber! } : node;
  }

  #block(start: number, source: string, content: BlockContent, isOpen: boolean): Block {
    return { start: this.#start + start, source, content, isOpen, definitions: this.#definitions.length };
  }

  #learn({ source, content }: Block): void {
    this.#nodes += content.kind === 'markdown' ? countNodes(content.node) : CODE_NODES;
    if (content.kind !== 'markdown') return;
    const { type } = content.node;
    const text = type === 'definition' ? source : type === 'footnoteDefinition' ? source.split('\n')[0]! : '';
    if (text === '' || this.#definitions.length + text.length > MAX_DEFINITIONS) return;
    this.#definitions += `${text}\n\n`;
  }

  /** At the end, parses a block again that may refer to what was defined after it; false when there is none left. */
  #revise(): boolean {
    if (!this.#isComplete || this.#definitions === '') return false;
    for (; this.#revised < this.#settled.length; this.#revised++) {
      const { source, content, definitions, start } = this.#settled[this.#revised]!;
      const mayRefer = content.kind === 'markdown' && source.includes('[');
      if (!mayRefer || definitions === this.#definitions.length) continue;
      if (content.node.type === 'definition' || content.node.type === 'footnoteDefinition') continue;
      const node = this.#parse(source)[0]?.node;
      if (node === undefined) continue;
      if (node.type === 'list' && content.node.type === 'list') node.start = content.node.start;
      const block: Block = {
        start,
        source,
        content: { ...content, node },
        isOpen: false,
        definitions: this.#definitions.length,
      };
      this.#settled = this.#settled.with(this.#revised, block);
      this.#revised++;
      return true;
    }
    return false;
  }

  /** What is not parsed yet, as it is written. */
  #rest(): Block[] {
    const text = this.#text.slice(this.#start);
    if (text === '') return [];
    return [this.#block(0, text, { kind: 'plain', text }, true)];
  }
}

/** A node with its level; `outline` goes on behind it. */
function markdownContent(node: RootContent, outline: number[]): MarkdownContent {
  if (node.type !== 'heading') return { kind: 'markdown', node, level: undefined };
  while (outline.length > 0 && outline.at(-1)! >= node.depth) outline.pop();
  outline.push(node.depth);
  return { kind: 'markdown', node, level: outline.length };
}
