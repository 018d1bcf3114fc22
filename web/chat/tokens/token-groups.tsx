/**
 * The tokens of a reply in lines and groups. A line ends where the text has a line break; a group is what is drawn, and drawn
 * again, at once. Thousands of tokens appear over several frames.
 */
import { Component, type JSX } from 'preact';
import type { TokenDetail } from '../transport/transport.ts';
import { levelOf, percent, probabilityOf } from './token-figures.ts';
import { tokenInWords, tokenText } from './token-text.tsx';

const GROUP_TOKENS = 60;

/** Some tokens that follow each other. */
export interface TokenGroup {
  readonly start: number;
  readonly tokens: readonly TokenDetail[];
}

/** Groups by lines. */
export function linesOf(tokens: readonly TokenDetail[]): TokenGroup[][] {
  const lines: TokenGroup[][] = [];
  let line: TokenGroup[] = [];
  let start = 0;
  for (let end = 1; end <= tokens.length; end++) {
    const endsLine = end === tokens.length || tokens[end - 1]!.text.endsWith('\n');
    if (!endsLine && end - start < GROUP_TOKENS) continue;
    line.push({ start, tokens: tokens.slice(start, end) });
    start = end;
    if (!endsLine) continue;
    lines.push(line);
    line = [];
  }
  return lines;
}

/** A group, and which of all tokens can be reached by Tab and is looked at. */
export interface GroupViewProps {
  readonly group: TokenGroup;
  /** Index among all tokens, or -1 when it is in another group. */
  readonly reachable: number;
  readonly open: number;
  readonly panelId: string;
}

/** Renders again only when something of it has changed. */
export class GroupView extends Component<GroupViewProps> {
  override shouldComponentUpdate({ group, reachable, open }: GroupViewProps): boolean {
    const before = this.props;
    if (reachable !== before.reachable || open !== before.open) return true;
    if (group.start !== before.group.start || group.tokens.length !== before.group.tokens.length) return true;
    return group.tokens.some((token, index) => token !== before.group.tokens[index]);
  }

  override render({ group, reachable, open, panelId }: GroupViewProps): JSX.Element {
    return (
      <span role="presentation">
        {group.tokens.map((token, offset) => {
          const index = group.start + offset;
          const isOpen = index === open;
          return (
            <span
              key={index}
              class={`token level-${levelOf(token.logprob)}`}
              role="option"
              data-token={index}
              tabIndex={index === reachable ? 0 : -1}
              aria-selected={isOpen}
              aria-describedby={isOpen ? panelId : undefined}
              aria-label={`${tokenInWords(token.text)}, ${percent(probabilityOf(token.logprob))}`}
            >
              {tokenText(token.text)}
            </span>
          );
        })}
      </span>
    );
  }
}
