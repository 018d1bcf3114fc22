/** What is known of one token: its probability, its rank, and what else might have stood there. It stays beside its token. */
import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { TokenDetail } from '../transport/transport.ts';
import { decimal, percent, placeFigures, probabilityOf } from './token-figures.ts';
import { isPartial, tokenText } from './token-text.tsx';

/** Which token, and the element that it stands for. */
export interface TokenPanelProps {
  readonly id: string;
  readonly token: TokenDetail;
  readonly anchor: Element;
  readonly onEnter: () => void;
  readonly onLeave: () => void;
}

const MARGIN = 8;
const GAP = 6;

/** See the file's header. */
export function TokenPanel({ id, token, anchor, onEnter, onLeave }: TokenPanelProps): JSX.Element {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => keepBeside(panel, anchor), [anchor, token]);
  const { rank, choices, rest, bits } = placeFigures(token);
  return (
    <div
      id={id}
      ref={panel}
      class="token-panel"
      popover="manual"
      role="note"
      onPointerEnter={onEnter}
      onPointerLeave={onLeave}
    >
      <p class="token-panel-head">
        <span class="token-sample">{tokenText(token.text, true)}</span>
        <strong>{percent(probabilityOf(token.logprob))}</strong>
        <span class="token-soft">log {decimal(token.logprob, 3)}</span>
      </p>
      <p class="token-soft">{rankInWords(rank, token.alternatives.length)}</p>
      {isPartial(token.text) && (
        <p class="token-soft">
          Its bytes are only a part of a character, shown as {'\ufffd'}. The next tokens complete it.
        </p>
      )}
      <ul class="token-choices">
        {choices.map((choice, index) => (
          <li key={index} class={choice.isChosen ? 'is-chosen' : undefined}>
            <span class="token-sample">{tokenText(choice.text, true)}</span>
            <Bar share={probabilityOf(choice.logprob)} />
            <span class="token-number">{percent(probabilityOf(choice.logprob))}</span>
            <span class="token-number token-soft">{decimal(choice.logprob, 2)}</span>
            {choice.isChosen && <span class="unseen">, chosen</span>}
          </li>
        ))}
        <li class="token-soft">
          <span>all others</span>
          <Bar share={rest} />
          <span class="token-number">{percent(rest)}</span>
        </li>
      </ul>
      <p class="token-soft">Entropy: at least {decimal(bits, 2)} bits</p>
    </div>
  );
}

function Bar({ share }: { readonly share: number }): JSX.Element {
  return (
    <span class="token-bar" aria-hidden="true">
      <span style={{ width: `${Math.min(100, share * 100)}%` }} />
    </span>
  );
}

function rankInWords(rank: number | undefined, known: number): string {
  if (rank === 1) return 'The most likely token here.';
  if (rank !== undefined) return `Number ${rank} of the most likely tokens here.`;
  return known === 0
    ? 'What else was likely is not known.'
    : `Not among the ${known} most likely tokens here.`;
}

/** Shows the panel below its token, or above where there is more room, and moves it along. */
function keepBeside(panel: RefObject<HTMLDivElement | null>, anchor: Element): () => void {
  const element = panel.current;
  if (element === null) return () => undefined;
  const place = () => {
    // A token that wraps has two boxes; the first one is where its reading begins.
    const token = anchor.getClientRects()[0];
    if (token === undefined) return;
    const width = document.documentElement.clientWidth;
    const height = window.innerHeight;
    const below = height - token.bottom - GAP - MARGIN;
    const above = token.top - GAP - MARGIN;
    element.style.maxHeight = '';
    const isBelow = element.offsetHeight <= below || below >= above;
    element.style.maxHeight = `${Math.max(80, isBelow ? below : above)}px`;
    const top = isBelow ? token.bottom + GAP : token.top - GAP - element.offsetHeight;
    const left = Math.min(token.left, width - element.offsetWidth - MARGIN);
    element.style.top = `${Math.max(MARGIN, top)}px`;
    element.style.left = `${Math.max(MARGIN, left)}px`;
  };
  // In the top layer nothing clips it; where there is no such layer, its position is fixed all the same.
  if (typeof element.showPopover === 'function' && !element.matches(':popover-open')) element.showPopover();
  place();
  addEventListener('scroll', place, { capture: true, passive: true });
  addEventListener('resize', place);
  return () => {
    removeEventListener('scroll', place, { capture: true });
    removeEventListener('resize', place);
  };
}
