/** A message of the user: read, copied, or changed and sent again. */
import { type Signal, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { focusComposer } from '../app/keyboard.ts';
import { CopyButton } from '../elements/copy-button.tsx';
import { Icon } from '../elements/icons.tsx';
import type { UserTurn } from '../store/conversation.ts';
import { resend, running } from '../store/generation.ts';
import { fitHeight } from './composer.tsx';

/** Id of the message that is being changed. */
export const editedTurn: Signal<string | undefined> = signal(undefined);

/** One message. */
export function UserMessage({ turn }: { readonly turn: UserTurn }): JSX.Element {
  if (editedTurn.value === turn.id) return <Editor turn={turn} />;
  return (
    <article class="message user-message" aria-label="You">
      <p class="bubble">{turn.text}</p>
      <div class="actions">
        <CopyButton text={turn.text} label="Copy message" />
        <button
          type="button"
          class="plain"
          aria-label="Edit message"
          title="Edit and send again"
          disabled={running.value !== undefined}
          onClick={() => {
            editedTurn.value = turn.id;
          }}
        >
          <Icon name="edit" />
        </button>
      </div>
    </article>
  );
}

function Editor({ turn }: { readonly turn: UserTurn }): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(turn.text);
  useLayoutEffect(() => {
    const shown = field.current;
    shown?.focus();
    shown?.setSelectionRange(shown.value.length, shown.value.length);
    return () => {
      editedTurn.value = undefined;
    };
  }, []);
  useLayoutEffect(() => {
    if (field.current) fitHeight(field.current);
  }, [text]);
  const close = () => {
    editedTurn.value = undefined;
    focusComposer();
  };
  const submit = () => {
    if (text.trim() === '') return;
    resend(turn.id, text);
    close();
  };
  return (
    <form
      class="message user-message editor"
      aria-label="Edit message"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={field}
        aria-label="Message"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.isComposing) return;
          if (event.key === 'Escape') {
            event.preventDefault();
            close();
          } else if (event.key === 'Enter' && !event.shiftKey) {
            event.preventDefault();
            submit();
          }
        }}
      />
      <div class="buttons">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={text.trim() === ''}>
          Send
        </button>
      </div>
    </form>
  );
}
