/** Code with its language, a button that copies it, and colours as soon as it is complete. */
import { Component, type JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { visibleText } from '../markdown/visible-text.tsx';
import './code.css';
import { type CodeRun, splitCode } from './code-parts.ts';
import { copyText } from './copy-text.ts';
import { highlight } from './highlight.ts';

/** A block of code. */
export interface CodeBlockProps {
  /** As the answer calls it; may be empty. */
  readonly language: string;
  readonly code: string;
  /** More of it may come. */
  readonly isOpen: boolean;
}

type ColouredParts = readonly (readonly CodeRun[])[];

/** See the file's header. */
export function CodeBlock({ language, code, isOpen }: CodeBlockProps): JSX.Element {
  const coloured = useColours(language, isOpen ? undefined : code);
  return (
    <figure class="code-block">
      <figcaption>
        <span class="code-language">{language === '' ? 'text' : visibleText(language)}</span>
        <CopyButton code={code} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0} dir="ltr">
        <code>
          {splitCode(code).map((text, index) => (
            <CodePart key={index} text={text} runs={coloured[index]} />
          ))}
        </code>
      </pre>
    </figure>
  );
}

interface CodePartProps {
  readonly text: string;
  readonly runs: readonly CodeRun[] | undefined;
}

/** Renders again only when it has changed. */
class CodePart extends Component<CodePartProps> {
  override shouldComponentUpdate({ text, runs }: CodePartProps): boolean {
    return text !== this.props.text || runs !== this.props.runs;
  }

  override render({ text, runs }: CodePartProps): JSX.Element {
    return (
      <span class="code-part">
        {runs === undefined
          ? visibleText(text)
          : runs.map((run, index) =>
              run.kind === undefined ? (
                visibleText(run.text)
              ) : (
                <span key={index} class={`code-${run.kind}`}>
                  {visibleText(run.text)}
                </span>
              ),
            )}
      </span>
    );
  }
}

const NONE: ColouredParts = [];

/** The colours, part after part in one frame each; none while `code` is undefined. */
function useColours(language: string, code: string | undefined): ColouredParts {
  const [coloured, setColoured] = useState(NONE);
  useEffect(() => {
    setColoured(NONE);
    if (code === undefined) return undefined;
    let isCurrent = true;
    highlight(language, code).then((parts) => {
      const show = (count: number) => {
        if (!isCurrent || parts === undefined) return;
        setColoured(parts.slice(0, count));
        if (count < parts.length) requestAnimationFrame(() => show(count + 1));
      };
      show(1);
    });
    return () => {
      isCurrent = false;
    };
  }, [language, code]);
  return coloured;
}

const COPIED_MS = 2000;

function CopyButton({ code }: { readonly code: string }): JSX.Element {
  const [outcome, setOutcome] = useState('');
  useEffect(() => {
    if (outcome === '') return undefined;
    const timer = setTimeout(() => setOutcome(''), COPIED_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => setOutcome((await copyText(code)) ? 'Copied' : 'Not copied');
  return (
    <button type="button" class="code-copy" onClick={copy}>
      <span aria-live="polite">{outcome === '' ? 'Copy' : outcome}</span>
      <span class="unseen"> code</span>
    </button>
  );
}
