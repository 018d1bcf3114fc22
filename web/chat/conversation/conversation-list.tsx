/** All conversations by date: found, opened, named, deleted, exported and imported. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { openNew } from '../app/keyboard.ts';
import { route } from '../app/route.ts';
import { Icon } from '../elements/icons.tsx';
import { Menu } from '../elements/menu.tsx';
import type { Summary } from '../store/conversation.ts';
import { remove, rename, search, summaries } from '../store/conversations.ts';
import { isKept } from '../store/database.ts';
import { running } from '../store/generation.ts';
import { notify, notifyFault } from '../store/notices.ts';
import { download, exportText, importText } from '../store/portable.ts';

const DAY_MS = 86_400_000;
const SEARCH_MS = 150;

/** The whole list with its tools. */
export function ConversationList(): JSX.Element {
  const words = useSignal('');
  const found = useSignal<ReadonlySet<string> | undefined>(undefined);
  useEffect(() => {
    const timer = setTimeout(async () => {
      found.value = words.value.trim() === '' ? undefined : await search(words.value);
    }, SEARCH_MS);
    return () => clearTimeout(timer);
  }, [words.value]);

  const shown = (summaries.value ?? []).filter(({ id }) => found.value?.has(id) ?? true);
  return (
    <>
      <button type="button" class="new-conversation" onClick={openNew}>
        <Icon name="add" />
        New conversation
      </button>
      <div class="search">
        <Icon name="search" />
        <input
          type="search"
          placeholder="Search"
          aria-label="Search conversations"
          value={words.value}
          onInput={(event) => {
            words.value = event.currentTarget.value;
          }}
        />
      </div>
      <nav class="conversations" aria-label="Conversations">
        {groupsOf(shown).map(([title, group]) => (
          <section key={title} aria-label={title}>
            <h2>{title}</h2>
            <ul>
              {group.map((summary) => (
                <Item key={summary.id} summary={summary} />
              ))}
            </ul>
          </section>
        ))}
        {shown.length === 0 && summaries.value !== undefined && (
          <p class="soft">
            {found.value
              ? 'No conversation has these words.'
              : 'Conversations that you begin are listed here.'}
          </p>
        )}
      </nav>
      <ListFoot />
    </>
  );
}

function Item({ summary }: { readonly summary: Summary }): JSX.Element {
  const { id, title } = summary;
  const isNaming = useSignal(false);
  const link = useRef<HTMLAnchorElement>(null);
  const isFocusBack = useRef(false);
  useLayoutEffect(() => {
    if (isNaming.value || !isFocusBack.current) return;
    isFocusBack.current = false;
    link.current?.focus();
  }, [isNaming.value]);
  const isOpen = route.value.id === id;
  if (isNaming.value) {
    return (
      <li>
        <NameField
          title={title}
          onEnd={(name, byKey) => {
            if (!isNaming.peek()) return;
            isFocusBack.current = byKey;
            if (name !== undefined) rename(id, name);
            isNaming.value = false;
          }}
        />
      </li>
    );
  }
  return (
    <li class={isOpen ? 'conversation conversation-open' : 'conversation'}>
      <a
        ref={link}
        href={`#/chat/${encodeURIComponent(id)}`}
        aria-current={isOpen ? 'true' : undefined}
        title={title}
      >
        {title}
      </a>
      {running.value?.conversationId === id && (
        <span class="pulse" role="img" aria-label="A reply is under way" />
      )}
      <Menu
        label={`Actions for ${title}`}
        items={[
          {
            title: 'Rename',
            icon: 'edit',
            run: () => {
              isNaming.value = true;
            },
          },
          {
            title: 'Export',
            icon: 'export',
            run: () => {
              exportText(id).then((text) => download('conversation.json', text), notifyFault);
            },
          },
          {
            title: 'Delete',
            icon: 'remove',
            run: () => {
              if (running.peek()?.conversationId === id) running.peek()?.stop();
              remove(id);
            },
          },
        ]}
      >
        <Icon name="more" />
      </Menu>
    </li>
  );
}

function NameField(props: {
  readonly title: string;
  /** Without a name nothing changes; by a key the focus goes back to the list. */
  readonly onEnd: (name: string | undefined, byKey: boolean) => void;
}): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  return (
    <input
      ref={field}
      class="name-field"
      aria-label="Title"
      defaultValue={props.title}
      onBlur={(event) => props.onEnd(event.currentTarget.value, false)}
      onKeyDown={(event) => {
        if (event.isComposing) return;
        if (event.key === 'Enter') props.onEnd(event.currentTarget.value, true);
        if (event.key !== 'Escape') return;
        event.preventDefault();
        event.stopPropagation();
        props.onEnd(undefined, true);
      }}
    />
  );
}

function ListFoot(): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const importFrom = async (file: File) => {
    try {
      const count = await importText(await file.text());
      notify(count === 1 ? 'One conversation was imported.' : `${count} conversations were imported.`);
    } catch (error) {
      notifyFault(error);
    }
  };
  return (
    <div class="list-foot">
      <p>
        {isKept.value
          ? 'Kept in this browser only.'
          : 'This browser keeps nothing: conversations are gone when the page is closed.'}
      </p>
      <div class="buttons">
        <button
          type="button"
          class="plain"
          disabled={(summaries.value ?? []).length === 0}
          onClick={() => {
            exportText().then((text) => download('conversations.json', text), notifyFault);
          }}
        >
          <Icon name="export" />
          Export
        </button>
        <button type="button" class="plain" onClick={() => input.current?.click()}>
          <Icon name="import" />
          Import
        </button>
      </div>
      <input
        ref={input}
        type="file"
        accept=".json,application/json"
        class="unseen"
        tabIndex={-1}
        aria-label="File of conversations"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = '';
          if (file) importFrom(file);
        }}
      />
    </div>
  );
}

/** By date, the latest first: today, yesterday, the last week, then months. */
function groupsOf(list: readonly Summary[]): [string, Summary[]][] {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const groups = new Map<string, Summary[]>();
  for (const summary of list) {
    const name = groupOf(summary.updatedAt, midnight);
    groups.set(name, [...(groups.get(name) ?? []), summary]);
  }
  return [...groups];
}

function groupOf(time: number, midnight: number): string {
  if (time >= midnight) return 'Today';
  if (time >= midnight - DAY_MS) return 'Yesterday';
  if (time >= midnight - 7 * DAY_MS) return 'Last seven days';
  return new Date(time).toLocaleDateString('en', { month: 'long', year: 'numeric' });
}
