/** The frame of the page: its header, its tabs, and the tab that the address names. */
import type { JSX } from 'preact';
import { ChatTab } from '../conversation/chat-tab.tsx';
import { openDialogs } from '../elements/dialog.tsx';
import { Icon, Mark } from '../elements/icons.tsx';
import { Menu } from '../elements/menu.tsx';
import { NoticesView } from '../elements/notices-view.tsx';
import { chatAddress } from '../store/conversations.ts';
import { THEMES, theme } from '../store/theme.ts';
import { ApiKeyDialog } from './api-key-dialog.tsx';
import { fetched } from './fetched.ts';
import { FileDrop } from './file-drop.tsx';
import { isKeyListOpen } from './keyboard.ts';
import { KeysDialog } from './keys-dialog.tsx';
import { route } from './route.ts';
import { RuntimeButton } from './runtime-panel.tsx';

const TITLES = { chat: 'Chat', inside: 'Inside', machine: 'Machine' } as const;
const NAMES = ['chat', 'inside', 'machine'] as const;
const THEME_TITLES = { auto: 'As the system', light: 'Light', dark: 'Dark' } as const;

/** Tabs that are fetched when they are first opened. */
const LATER = {
  inside: fetched(() => import('../inside/inside-tab.tsx').then(({ InsideTab }) => InsideTab)),
  machine: fetched(() => import('../machine/machine-tab.tsx').then(({ MachineTab }) => MachineTab)),
} as const;

/** Everything. */
export function App(): JSX.Element {
  const { tab } = route.value;
  return (
    <>
      <header class="top">
        <span class="brand">
          <Mark />
          <span>bitnet.ts</span>
        </span>
        <nav class="tabs" aria-label="Views">
          {NAMES.map((name) => (
            <a key={name} href={addressOf(name)} aria-current={name === tab ? 'page' : undefined}>
              {TITLES[name]}
            </a>
          ))}
        </nav>
        <RuntimeButton />
        <Menu
          label="Appearance and keys"
          items={[
            ...THEMES.map((name) => ({
              title: THEME_TITLES[name],
              icon: name,
              isChosen: theme.value === name,
              run: () => {
                theme.value = name;
              },
            })),
            {
              title: 'Keys',
              icon: 'keys' as const,
              run: () => {
                isKeyListOpen.value = true;
              },
            },
          ]}
        >
          <Icon name={theme.value} />
        </Menu>
      </header>
      <main class={`tab tab-${tab}`}>{tab === 'chat' ? <ChatTab /> : <LaterTab name={tab} />}</main>
      {openDialogs.value === 0 && <NoticesView />}
      <FileDrop />
      <KeysDialog />
      <ApiKeyDialog />
    </>
  );
}

function addressOf(name: (typeof NAMES)[number]): string {
  const id = name === 'chat' ? chatAddress.value : undefined;
  return id === undefined ? `#/${name}` : `#/${name}/${encodeURIComponent(id)}`;
}

function LaterTab({ name }: { readonly name: keyof typeof LATER }): JSX.Element | null {
  const Tab = LATER[name]();
  return Tab === undefined ? null : <Tab />;
}
