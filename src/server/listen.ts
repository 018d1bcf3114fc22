/**
 * A server on a port of Node's: HTTP or HTTPS, with bounds on what a connection may hold open before a request is there.
 * What Node refuses by itself (no HTTP, headers too large or too slow) is answered in JSON too.
 */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { getRequestListener } from '@hono/node-server';
import { BitnetError } from '../index.ts';
import { errorResponse } from './http/error-response.ts';
import type { BitnetServer } from './server.ts';

/** Where and how to listen. */
export interface ListenOptions {
  /** Address or name of the interface; default 127.0.0.1. */
  readonly host?: string;
  /** 0 for any that is free; default 8080. */
  readonly port?: number;
  /** PEM texts of the certificate (with its chain) and of its key. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Most connections at once; default 1024. */
  readonly maxConnections?: number;
  /** Time for the head of a request, in seconds; default 15. */
  readonly headersSeconds?: number;
  /** Time for a request with its body, in seconds; default 120. */
  readonly bodySeconds?: number;
}

/** A server that listens. */
export interface Listening {
  readonly port: number;
  /** Addresses to call it by. */
  readonly urls: readonly string[];
  /** Takes no more connections, lets requests under way end for so many seconds, then ends the server. */
  close(graceSeconds?: number): Promise<void>;
}

const MAX_HEADER_BYTES = 16_384;
/** Balancers keep connections for 60 seconds; the one who closes first should be they. */
const KEEP_ALIVE_MS = 65_000;

/**
 * Opens the port.
 *
 * @throws BitnetError `server/port-taken`, `server/cannot-listen`, `server/bad-certificate`
 */
export async function listen(server: BitnetServer, options: ListenOptions = {}): Promise<Listening> {
  const { host = '127.0.0.1', port = 8080 } = options;
  const http = openServer(server, options);
  await new Promise<void>((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => reject(listenFault(error, host, port)));
    http.listen(port, host, resolve);
  });
  const address = http.address() as AddressInfo;
  return {
    port: address.port,
    urls: urlsOf(address, options.tls !== undefined),
    async close(graceSeconds = 0) {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeIdleConnections();
      await server.close(graceSeconds);
      // Answers that are complete may still be on their way out.
      setTimeout(() => http.closeAllConnections(), 200).unref();
      await closed;
    },
  };
}

function openServer(server: BitnetServer, options: ListenOptions): HttpServer {
  const { headersSeconds = 15, bodySeconds = 120 } = options;
  const listener = getRequestListener(
    (request, bindings) => server.fetch(request, bindings as { outgoing: { destroy(): unknown } }),
    { overrideGlobalObjects: false, errorHandler: badRequest },
  );
  const settings = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: headersSeconds * 1000,
    requestTimeout: bodySeconds * 1000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(1000, headersSeconds * 500),
  };
  const http =
    options.tls === undefined
      ? createHttpServer(settings, listener)
      : openTls(() => createHttpsServer({ ...settings, ...options.tls }, listener));
  http.maxConnections = options.maxConnections ?? 1024;
  http.on('clientError', answerClientError);
  return http;
}

function openTls<T>(open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw new BitnetError(
      'server/bad-certificate',
      `the certificate or its key cannot be used: ${(cause as Error).message}; both are PEM files that belong together`,
      { cause },
    );
  }
}

/** For requests that are HTTP but cannot be understood, such as those without a host. */
function badRequest(error: unknown): Response {
  const message = `the request cannot be understood: ${error instanceof Error ? error.message : 'it is damaged'}`;
  return errorResponse('/', '', { status: 400, code: 'bad_request', message });
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [status: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'headers_too_large',
    `the head of the request has more than ${MAX_HEADER_BYTES} bytes`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'request_too_slow', 'the request did not come in time'],
};

/** For what is no HTTP at all, too large or too slow. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, message] = CLIENT_ERRORS[error.code ?? ''] ?? [
    '400 Bad Request',
    'bad_request',
    'this is no HTTP request',
  ];
  const body = JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code } });
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`, () => socket.destroy());
}

function listenFault(error: NodeJS.ErrnoException, host: string, port: number): BitnetError {
  if (error.code === 'EADDRINUSE') {
    return new BitnetError(
      'server/port-taken',
      `port ${port} of ${host} is taken by another program; end it, or choose another port with --port`,
    );
  }
  const reasons: Readonly<Record<string, string>> = {
    EACCES: `port ${port} needs rights that this user does not have; ports from 1024 on do not`,
    EADDRNOTAVAIL: `${host} is no address of this machine`,
    ENOTFOUND: `there is no host called "${host}"`,
  };
  const reason = reasons[error.code ?? ''] ?? error.message;
  return new BitnetError('server/cannot-listen', `cannot listen on ${host}: ${reason}`, { cause: error });
}

/** For all interfaces, one address each. */
function urlsOf({ address, port }: AddressInfo, isTls: boolean): string[] {
  const url = (name: string) => `${isTls ? 'https' : 'http'}://${isIPv6(name) ? `[${name}]` : name}:${port}`;
  if (address !== '0.0.0.0' && address !== '::') return [url(address)];
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => !internal && family === 'IPv4');
  return [url('127.0.0.1'), ...addresses.map((own) => url(own.address))];
}
