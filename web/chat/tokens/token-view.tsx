/**
 * A reply token by token, each coloured by its probability, with what else might have stood there: for the pointer, by touch,
 * and by the arrow keys.
 */
import type { JSX, TargetedEvent } from 'preact';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { TokenDetail } from '../transport/transport.ts';
import { decimal, LEVELS, percent, probabilityOf, replyFigures } from './token-figures.ts';
import { GroupView, linesOf } from './token-groups.tsx';
import { TokenPanel } from './token-panel.tsx';
import { tokenText } from './token-text.tsx';
import './tokens.css';

/** Tokens that are added in a frame. */
const FRAME_TOKENS = 240;
const HIDE_MS = 200;

/** All tokens of a reply. */
export function TokenView({ tokens }: { readonly tokens: readonly TokenDetail[] }): JSX.Element {
  const shown = useGrowingCount(tokens.length);
  const lines = useMemo(() => linesOf(tokens.slice(0, shown)), [tokens, shown]);
  const [current, setCurrent] = useState(0);
  const [open, setOpen] = useState(-1);
  const list = useRef<HTMLDivElement>(null);
  const hiding = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const panelId = useId();

  const stay = () => clearTimeout(hiding.current);
  const hideSoon = () => {
    stay();
    hiding.current = setTimeout(() => setOpen(-1), HIDE_MS);
  };
  useEffect(() => stay, []);

  const elementOf = (index: number) => list.current?.querySelector<HTMLElement>(`[data-token="${index}"]`);
  const look = (index: number) => {
    stay();
    setOpen(index);
    setCurrent(index);
  };
  const goTo = (index: number) => {
    const element = elementOf(index);
    if (element == null) return;
    look(index);
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: 'nearest' });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && open >= 0) {
      event.stopPropagation();
      setOpen(-1);
      return;
    }
    const target = targetOf(event.key, current, shown, elementOf);
    if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    goTo(target);
  };

  const anchor = open >= 0 && open < shown ? elementOf(open) : undefined;
  const openToken = tokens[open];
  if (tokens.length === 0) return <p class="token-soft">The probabilities of this reply were not kept.</p>;
  return (
    <div class="token-view">
      <Summary tokens={tokens} onGo={goTo} />
      <div
        ref={list}
        class="token-list"
        role="listbox"
        aria-label="Tokens of the reply"
        aria-orientation="horizontal"
        dir="auto"
        onKeyDown={onKeyDown}
        onPointerOver={(event) => {
          const index = indexOf(event);
          if (event.pointerType === 'mouse' && index !== undefined) look(index);
        }}
        onPointerLeave={(event) => event.pointerType === 'mouse' && hideSoon()}
        onClick={(event) => {
          const index = indexOf(event);
          if (index !== undefined) goTo(index);
        }}
        onFocusIn={(event) => {
          const index = indexOf(event);
          if (index !== undefined && (event.target as Element).matches(':focus-visible')) look(index);
        }}
        onFocusOut={hideSoon}
      >
        {lines.map((groups) => (
          <div key={groups[0]!.start} class="token-line" role="presentation">
            {groups.map((group) => (
              <GroupView
                key={group.start}
                group={group}
                panelId={panelId}
                reachable={within(group, current)}
                open={within(group, open)}
              />
            ))}
          </div>
        ))}
      </div>
      {openToken !== undefined && anchor != null && (
        <TokenPanel id={panelId} token={openToken} anchor={anchor} onEnter={stay} onLeave={hideSoon} />
      )}
    </div>
  );
}

/** How many tokens are there already; all of few, more in each frame of many. */
function useGrowingCount(length: number): number {
  const [count, setCount] = useState(FRAME_TOKENS);
  const isGrowing = count < length;
  useEffect(() => {
    if (!isGrowing) return undefined;
    const frame = requestAnimationFrame(() => setCount(count + FRAME_TOKENS));
    return () => cancelAnimationFrame(frame);
  }, [count, isGrowing]);
  return Math.min(count, length);
}

function within({ start, tokens }: { start: number; tokens: readonly unknown[] }, index: number): number {
  return index >= start && index < start + tokens.length ? index : -1;
}

function indexOf(event: TargetedEvent<HTMLElement>): number | undefined {
  const token = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-token]') : null;
  return token === null ? undefined : Number(token.dataset.token);
}

/** Where a key leads; up and down go to what stands above and below. */
function targetOf(
  key: string,
  current: number,
  count: number,
  elementOf: (index: number) => Element | null | undefined,
): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return Math.min(current + 1, count - 1);
    case 'ArrowLeft':
      return Math.max(current - 1, 0);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    case 'ArrowDown':
      return nearest(current, 1, count, elementOf);
    case 'ArrowUp':
      return nearest(current, -1, count, elementOf);
    default:
      return undefined;
  }
}

/** The token of the next line, or of the one before, that is nearest in it. */
function nearest(
  current: number,
  step: 1 | -1,
  count: number,
  elementOf: (index: number) => Element | null | undefined,
): number {
  const from = elementOf(current)?.getClientRects()[0];
  if (from === undefined) return current;
  const middle = (from.left + from.right) / 2;
  let best = current;
  let lineTop: number | undefined;
  let distance = Number.POSITIVE_INFINITY;
  for (let index = current + step; index >= 0 && index < count; index += step) {
    const box = elementOf(index)?.getClientRects()[0];
    if (box === undefined || Math.abs(box.top - from.top) < from.height / 2) continue;
    lineTop ??= box.top;
    if (Math.abs(box.top - lineTop) > from.height / 2) break;
    const away = Math.abs((box.left + box.right) / 2 - middle);
    if (away < distance) {
      distance = away;
      best = index;
    }
  }
  return best;
}

function Summary({
  tokens,
  onGo,
}: {
  readonly tokens: readonly TokenDetail[];
  readonly onGo: (index: number) => void;
}): JSX.Element | null {
  const figures = useMemo(() => replyFigures(tokens), [tokens]);
  if (figures === undefined) return null;
  const least = tokens[figures.leastLikely]!;
  return (
    <div class="token-summary">
      <dl>
        <div>
          <dt>Tokens</dt>
          <dd>{figures.tokens}</dd>
        </div>
        <div>
          <dt>Mean log-probability</dt>
          <dd>{decimal(figures.meanLogprob, 3)}</dd>
        </div>
        <div>
          <dt>Perplexity</dt>
          <dd>{decimal(figures.perplexity, 2)}</dd>
        </div>
        <div>
          <dt>Least likely</dt>
          <dd>
            <button type="button" class="token-jump" onClick={() => onGo(figures.leastLikely)}>
              <span class="token-sample">{tokenText(least.text, true)}</span>{' '}
              {percent(probabilityOf(least.logprob))}
            </button>
          </dd>
        </div>
      </dl>
      <ol class="token-legend" aria-label="Colours by probability">
        {LEVELS.map(({ title }, level) => (
          <li key={level}>
            <span class={`token-swatch level-${level}`} aria-hidden="true" />
            {title}
          </li>
        ))}
      </ol>
    </div>
  );
}
