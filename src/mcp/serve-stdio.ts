/**
 * The Model Context Protocol over stdin and stdout, as clients start servers: from the first line to the end of stdin. All of
 * stdout belongs to the protocol. Both generations of the protocol are spoken, those with `initialize` and those
 * without (2026-07-28).
 */
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { type McpServerOptions, serverOf } from './mcp-server.ts';
import { type ModelOrigin, SharedModel } from './shared-model.ts';

/** Longest message, as long as the server's bodies; a text of the longest kind fits however it is escaped. */
const MOST_MESSAGE_BYTES = 10_000_000;

/** What a connection is made of. */
export interface StdioOptions extends McpServerOptions {
  /** What the model is called. */
  readonly label: string;
  /** Ends the connection. */
  readonly signal: AbortSignal;
  /** Takes a line for the log, which has to go elsewhere than to stdout. */
  readonly log: (line: string) => void;
}

/**
 * Answers until stdin ends, stdout is closed or the signal is aborted. Then nothing is computed any more; the model is the
 * caller's.
 */
export async function serveMcpOverStdio(origin: Promise<ModelOrigin>, options: StdioOptions): Promise<void> {
  const { label, log, signal } = options;
  const shared = new SharedModel(origin, { label });
  const transport = new StdioServerTransport(process.stdin, process.stdout, {
    maxBufferSize: MOST_MESSAGE_BYTES,
  });
  const connection = serveStdio(() => serverOf(shared, options), {
    transport,
    onerror: (error) => log(faultOf(error)),
  });
  await new Promise<void>((resolve) => {
    // The connection has set its own by now.
    const { onclose } = transport;
    transport.onclose = () => {
      onclose?.();
      resolve();
    };
    const close = () => void connection.close().finally(resolve);
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
  });
  await shared.dispose();
}

/** What the SDK found wrong with a message, in one sentence. */
function faultOf(error: Error): string {
  if (error.name === 'ZodError' || error.name === '$ZodError') {
    return 'a line of stdin is JSON but no message of the protocol (JSON-RPC 2.0), and was passed over';
  }
  if (error.message.startsWith('ReadBuffer exceeded')) {
    return `a message has more than ${MOST_MESSAGE_BYTES} bytes, which ends the connection; send shorter texts`;
  }
  return error.message;
}
