/**
 * Links of an answer. Only http, https and mailto lead anywhere; other addresses are shown as text. Where the text of a link
 * looks like an address, and the link leads elsewhere, its host is shown after it. Images are links too: nothing is fetched
 * because an answer names it.
 */
import type { ComponentChildren, JSX } from 'preact';
import { visibleText } from './visible-text.tsx';

const SCHEMES = new Set(['http:', 'https:', 'mailto:']);
const MAX_SHOWN = 300;
const LIKE_AN_ADDRESS = /[\p{L}\p{N}-]\.\p{L}{2,}|:\/\/|@/u;

/** Where a link leads. */
export interface SafeAddress {
  /** As the URL parser writes it, so that what was checked is what is used. */
  readonly href: string;
  /** What tells a reader where it leads: the host in ASCII, or the address of a letter. */
  readonly target: string;
  /** `https://bank.example@other.example/` and its like. */
  readonly isDeceptive: boolean;
}

/** Checks an address; undefined for relative ones and for schemes that do anything but open a page or a letter. */
export function safeAddress(address: string): SafeAddress | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (!SCHEMES.has(url.protocol)) return undefined;
  if (url.protocol === 'mailto:') return { href: url.href, target: url.pathname, isDeceptive: false };
  const isDeceptive = url.username !== '' || url.password !== '';
  return { href: url.href, target: url.host, isDeceptive };
}

/** True when a link's text names another place than the one that it leads to. */
export function misleads(text: string, { target, isDeceptive }: SafeAddress): boolean {
  const seen = text.normalize('NFKC').replace(/[^\p{L}\p{N}\p{P}\p{S}]/gu, '');
  if (isDeceptive) return true;
  return LIKE_AN_ADDRESS.test(seen) && withoutWww(namedPlace(seen)) !== withoutWww(target);
}

function namedPlace(text: string): string {
  const address = /^[a-z][a-z0-9+.-]*:/i.test(text)
    ? text
    : `${text.includes('@') ? 'mailto:' : 'https://'}${text}`;
  return safeAddress(address)?.target ?? text;
}

function withoutWww(place: string): string {
  return place.toLowerCase().replace(/^www\./, '');
}

/** A link, or its text with the address beside it. */
export function SafeLink({
  address,
  text,
  isImage = false,
  children,
}: {
  readonly address: string;
  /** The children without markup. */
  readonly text: string;
  /** Then its host is always shown. */
  readonly isImage?: boolean;
  readonly children: ComponentChildren;
}): JSX.Element {
  const safe = safeAddress(address);
  if (safe === undefined) {
    return (
      <span class="link-refused">
        {children}
        {text !== address && <> ({visibleText(shortened(address))})</>}
      </span>
    );
  }
  return (
    <>
      <a href={safe.href} target="_blank" rel="noopener noreferrer nofollow">
        {text.trim() === '' ? shortened(safe.href) : children}
      </a>
      {(isImage || misleads(text, safe)) && <span class="link-target"> ({shortened(safe.target)})</span>}
    </>
  );
}

function shortened(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
