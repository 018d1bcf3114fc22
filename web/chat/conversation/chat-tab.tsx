/** The tab "Chat": the list of conversations, at the side or in a drawer, and the one that is open. */
import { effect, type Signal, signal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { focusComposer, openNew } from '../app/keyboard.ts';
import { route } from '../app/route.ts';
import { Dialog } from '../elements/dialog.tsx';
import { Icon } from '../elements/icons.tsx';
import { absentId, current } from '../store/conversations.ts';
import { Composer } from './composer.tsx';
import { ConversationList } from './conversation-list.tsx';
import { EmptyState } from './empty-state.tsx';
import { Thread } from './thread.tsx';
import './chat.css';
import './sidebar.css';

const narrow = matchMedia('(max-width: 820px)');
const isNarrow: Signal<boolean> = signal(narrow.matches);
narrow.addEventListener('change', () => {
  isNarrow.value = narrow.matches;
});

effect(() => {
  document.title = current.value ? `${current.value.title} · bitnet.ts` : 'bitnet.ts';
});

/** The whole tab. */
export function ChatTab(): JSX.Element {
  const [isListOpen, setListOpen] = useState(false);
  useSignalEffect(() => {
    if (route.value.tab !== 'chat') return;
    setListOpen(false);
    focusComposer();
  });
  return (
    <div class="chat">
      {isNarrow.value ? (
        <div class="chat-bar">
          <button type="button" class="plain" aria-label="Conversations" onClick={() => setListOpen(true)}>
            <Icon name="menu" />
          </button>
          <p>{current.value?.title ?? 'New conversation'}</p>
          <button type="button" class="plain" aria-label="New conversation" onClick={openNew}>
            <Icon name="add" />
          </button>
        </div>
      ) : (
        <aside class="sidebar" aria-label="All conversations">
          <ConversationList />
        </aside>
      )}
      <div class="open">
        <Open />
        <Composer />
      </div>
      {isNarrow.value && isListOpen && (
        <Dialog title="Conversations" place="start" onClose={() => setListOpen(false)}>
          <div class="sidebar">
            <ConversationList />
          </div>
        </Dialog>
      )}
    </div>
  );
}

function Open(): JSX.Element {
  const conversation = current.value;
  if (conversation !== undefined) return <Thread conversation={conversation} />;
  if (absentId.value !== undefined) {
    return (
      <div class="empty">
        <h1>This conversation is not here</h1>
        <p>It was deleted, or it lies in another browser.</p>
        <button type="button" onClick={openNew}>
          New conversation
        </button>
      </div>
    );
  }
  return route.value.id === undefined ? <EmptyState /> : <div class="empty" />;
}
