/** Where messages are written: a field that grows with its text, the settings, the context meter, and send or stop. */
import { type Signal, signal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../elements/icons.tsx';
import { modelId } from '../store/connection.ts';
import { current } from '../store/conversations.ts';
import { running, send } from '../store/generation.ts';
import { isDefault } from '../store/settings.ts';
import { ContextMeter, ContextWarning } from './context-meter.tsx';
import { SettingsPanel } from './settings-panel.tsx';
import { editedTurn } from './user-message.tsx';

/** What was written in each conversation and not sent yet, as long as the page lives; `new` is the key of the next one. */
const drafts = new Map<string, string>();
const draft: Signal<string> = signal('');

/** The whole of it. */
export function Composer(): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const [areSettingsOpen, setSettingsOpen] = useState(false);
  const isRunning = running.value !== undefined;
  const canSend = !isRunning && modelId.value !== undefined && draft.value.trim() !== '';

  useSignalEffect(() => {
    draft.value = drafts.get(current.value?.id ?? 'new') ?? '';
  });
  useLayoutEffect(() => {
    if (field.current) fitHeight(field.current);
  }, [draft.value]);

  const write = (text: string) => {
    draft.value = text;
    drafts.set(current.peek()?.id ?? 'new', text);
  };
  const submit = () => {
    if (!canSend) return;
    const text = draft.peek();
    write('');
    send(text);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'ArrowUp' && draft.peek() === '' && !isRunning) {
      const last = current.peek()?.turns.findLast(({ role }) => role === 'user');
      if (last === undefined) return;
      event.preventDefault();
      editedTurn.value = last.id;
    }
  };

  return (
    <div class="composer-place">
      <ContextWarning />
      <form
        class="composer"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <textarea
          ref={field}
          id="message"
          rows={1}
          placeholder="Write a message"
          aria-label="Message"
          enterkeyhint="send"
          value={draft.value}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <div class="composer-row">
          <button
            type="button"
            class={isDefault.value ? 'plain' : 'plain changed'}
            aria-haspopup="dialog"
            aria-label={isDefault.value ? 'Reply settings' : 'Reply settings, changed'}
            title="System prompt and sampling"
            onClick={() => setSettingsOpen(true)}
          >
            <Icon name="sliders" />
          </button>
          <ContextMeter />
          <ReplyCount />
          {isRunning ? (
            <button
              key="stop"
              type="button"
              class="round stop"
              aria-label="Stop the reply"
              title="Stop (Esc)"
              onClick={() => {
                running.peek()?.stop();
                field.current?.focus();
              }}
            >
              <Icon name="stop" />
            </button>
          ) : (
            <button
              key="send"
              type="submit"
              class="round primary"
              aria-label="Send"
              title="Send (Enter)"
              disabled={!canSend}
            >
              <Icon name="send" />
            </button>
          )}
        </div>
      </form>
      {areSettingsOpen && <SettingsPanel onClose={() => setSettingsOpen(false)} />}
    </div>
  );
}

/** Tokens of the reply under way; not below its text, where it would move with every line. */
function ReplyCount(): JSX.Element | null {
  const live = running.value;
  if (live === undefined) return null;
  const count = live.count.value;
  return (
    <span class="reply-count">
      <span class="pulse" />
      {live.conversationId === current.value?.id ? `${count} written` : 'Another conversation is answered'}
    </span>
  );
}

/** Makes a text field as high as its text; the style sheet has the most it may be. */
export function fitHeight(field: HTMLTextAreaElement): void {
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}
