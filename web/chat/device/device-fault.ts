/** What goes wrong in the worker, as the page tells it. */
import { BitnetError, ContextLengthExceeded } from 'bitnet.ts';
import { sentenceFor } from '../transport/sentence.ts';
import { TransportError } from '../transport/transport.ts';

/** The data of a {@link TransportError}. */
export interface DeviceFault {
  readonly reason: TransportError['reason'];
  readonly sentence: string;
}

/** An error as data. */
export function faultOf(error: unknown): DeviceFault {
  if (error instanceof TransportError) return { reason: error.reason, sentence: error.message };
  if (error instanceof ContextLengthExceeded) {
    const { requestedTokens, contextLength, code } = error;
    const told = sentenceFor(code, error.message);
    const sentence = `${told.slice(0, -1)}: ${requestedTokens} tokens, and it holds ${contextLength}.`;
    return { reason: 'context-full', sentence };
  }
  if (error instanceof BitnetError) {
    return { reason: 'refused', sentence: sentenceFor(error.code, error.message) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { reason: 'refused', sentence: sentenceFor(undefined, message) };
}
