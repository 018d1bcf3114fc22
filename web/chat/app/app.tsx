/** The frame of the page: its header, its tabs, and the tab that the address names. */
import type { JSX } from 'preact';
import { ChatTab } from '../conversation/chat-tab.tsx';
import { InsideTab } from '../inside/inside-tab.tsx';
import { MachineTab } from '../machine/machine-tab.tsx';
import { route } from './route.ts';

const TABS = [
  { name: 'chat', title: 'Chat', Tab: ChatTab },
  { name: 'inside', title: 'Inside', Tab: InsideTab },
  { name: 'machine', title: 'Machine', Tab: MachineTab },
] as const;

/** Everything. */
export function App(): JSX.Element {
  const { Tab } = TABS.find(({ name }) => name === route.value.tab) ?? TABS[0];
  return (
    <>
      <header>
        <span class="brand">bitnet.ts</span>
        <nav aria-label="Views">
          {TABS.map(({ name, title }) => (
            <a key={name} href={`#/${name}`} aria-current={name === route.value.tab ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main>
        <Tab />
      </main>
    </>
  );
}
