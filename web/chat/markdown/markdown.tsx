/**
 * A model's answer as elements. It is parsed as Markdown and never as HTML: markup in it is shown as text. However often the
 * text grows, it is parsed once a frame at most, and only its last blocks are.
 */
import { Component, type JSX } from 'preact';
import { CodeBlock } from '../code/code-block.tsx';
import { type FrameTask, immediateDeadline, runInFrames, stopInFrames } from './frame-work.ts';
import { type Block, GrowingDocument } from './growing-document.ts';
import './markdown.css';
import { renderNode } from './render-node.tsx';
import { visibleText } from './visible-text.tsx';

/** The text; `isStreaming` while more may come. */
export interface MarkdownProps {
  readonly text: string;
  readonly isStreaming: boolean;
}

interface MarkdownState {
  readonly blocks: readonly Block[];
}

/** Blocks of complete texts that were shown last, so that coming back to a conversation shows all of it at once. */
const finished = new Map<string, readonly Block[]>();
const MAX_FINISHED = 60;

/** See the file's header. */
export class Markdown extends Component<MarkdownProps, MarkdownState> implements FrameTask {
  readonly #document = new GrowingDocument();

  constructor(props: MarkdownProps) {
    super(props);
    const known = props.isStreaming ? undefined : finished.get(props.text);
    if (known !== undefined) {
      this.state = { blocks: known };
      return;
    }
    this.#document.update(props.text, !props.isStreaming);
    const isDone = this.#document.work(immediateDeadline());
    this.state = { blocks: this.#document.blocks };
    if (isDone) this.#remember(props);
    else runInFrames(this);
  }

  #remember({ text, isStreaming }: MarkdownProps): void {
    if (isStreaming) return;
    finished.delete(text);
    finished.set(text, this.#document.blocks);
    if (finished.size > MAX_FINISHED) finished.delete(finished.keys().next().value!);
  }

  override shouldComponentUpdate(next: MarkdownProps, state: MarkdownState): boolean {
    if (next.text !== this.props.text || next.isStreaming !== this.props.isStreaming) {
      this.#document.update(next.text, !next.isStreaming);
      runInFrames(this);
    }
    return state.blocks !== this.state.blocks;
  }

  override componentWillUnmount(): void {
    stopInFrames(this);
  }

  run(deadline: number): boolean {
    const isDone = this.#document.work(deadline);
    this.setState({ blocks: this.#document.blocks });
    if (isDone) this.#remember(this.props);
    return isDone;
  }

  override render(_: MarkdownProps, { blocks }: MarkdownState): JSX.Element {
    return (
      <div class="markdown">
        {blocks.map((block) => (
          <BlockView key={block.start} block={block} />
        ))}
      </div>
    );
  }
}

/** Renders again only when the block is another one. */
class BlockView extends Component<{ readonly block: Block }> {
  override shouldComponentUpdate(next: { readonly block: Block }): boolean {
    return next.block !== this.props.block;
  }

  override render({ block: { content, isOpen } }: { readonly block: Block }): JSX.Element {
    switch (content.kind) {
      case 'plain':
        return (
          <p class="plain" dir="auto">
            {visibleText(content.text)}
          </p>
        );
      case 'code':
        return <CodeBlock language={content.language} code={content.code} isOpen={isOpen} />;
      case 'markdown':
        return <>{renderNode(content.node, { depth: 0, isOpen, level: content.level })}</>;
    }
  }
}
