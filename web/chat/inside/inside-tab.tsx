/** The tab "Inside": what it shows comes when it is first opened, so that talking need not wait for it. */
import type { ComponentType, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

let loaded: ComponentType | undefined;

/** The whole tab. */
export function InsideTab(): JSX.Element {
  const [Page, setPage] = useState<ComponentType | undefined>(() => loaded);
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    if (loaded !== undefined) return;
    import('./inside-page.tsx').then(
      ({ InsidePage }) => {
        loaded = InsidePage;
        setPage(() => InsidePage);
      },
      () => setMissing(true),
    );
  }, []);
  if (Page !== undefined) return <Page />;
  return (
    <p class="tab-note" role="status">
      {isMissing ? 'This view could not be loaded. Reload the page to try again.' : 'Opening…'}
    </p>
  );
}
