/** The turns of a conversation in a scrolling area, which follows what comes as long as its end is in sight. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from '../elements/icons.tsx';
import type { Conversation } from '../store/conversation.ts';
import { ReplyMessage } from './reply-message.tsx';
import { UserMessage } from './user-message.tsx';

/** Pixels from the end that still count as the end. */
const NEAR = 48;

/** All turns. */
export function Thread({ conversation }: { readonly conversation: Conversation }): JSX.Element {
  const { id, title, turns, start } = conversation;
  const area = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isAtEnd = useSignal(true);

  const toEnd = () => {
    isAtEnd.value = true;
    if (area.current) area.current.scrollTop = area.current.scrollHeight;
  };

  useEffect(() => {
    const scrolled = area.current;
    const grown = content.current;
    if (!scrolled || !grown) return;
    let before = scrolled.scrollTop;
    const onScroll = () => {
      const { scrollTop, scrollHeight, clientHeight } = scrolled;
      if (scrollHeight - scrollTop - clientHeight < NEAR) isAtEnd.value = true;
      // A text that grows does not take the user away from the end; scrolling up does.
      else if (scrollTop < before) isAtEnd.value = false;
      before = scrollTop;
    };
    const observer = new ResizeObserver(() => {
      // A message that is being edited grows, too, and must stay in sight.
      if (isAtEnd.peek() && !grown.querySelector('.editor')) scrolled.scrollTop = scrolled.scrollHeight;
      else onScroll();
    });
    observer.observe(grown);
    observer.observe(scrolled);
    scrolled.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      scrolled.removeEventListener('scroll', onScroll);
    };
  }, []);

  // Another conversation, or another message, begins at its end.
  useLayoutEffect(toEnd, [id, turns.length]);

  return (
    <div class="thread-place">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <section ref={area} class="thread" aria-label={title} tabIndex={0}>
        <div ref={content} class="thread-content">
          <h1 class="unseen">{title}</h1>
          {turns.map((turn, index) => (
            <div key={turn.id} class={index < start ? 'turn left-out' : 'turn'}>
              {turn.role === 'user' ? (
                <UserMessage turn={turn} />
              ) : (
                <ReplyMessage turn={turn} conversationId={id} isLast={index === turns.length - 1} />
              )}
              {index + 1 === start && <p class="left-out-line">The model no longer sees what is above.</p>}
            </div>
          ))}
        </div>
      </section>
      {!isAtEnd.value && (
        <button type="button" class="round to-end" aria-label="To the end" title="To the end" onClick={toEnd}>
          <Icon name="down" />
        </button>
      )}
    </div>
  );
}
