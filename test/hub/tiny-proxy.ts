/** A proxy for HTTP that keeps a list of what went through it. Names that no server has can be mapped to ports of this machine. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** The proxy; close it. */
export interface TinyProxy {
  readonly url: string;
  /** `host:port` of every request and tunnel. */
  readonly seen: readonly string[];
  close(): Promise<void>;
}

/** Starts a proxy. @param ports of names such as `hub.invalid:80` */
export async function startProxy(ports: Readonly<Record<string, number>>): Promise<TinyProxy> {
  const seen: string[] = [];
  const tunnels = new Set<Duplex>();
  const portFor = (target: string): number => {
    seen.push(target);
    return ports[target] ?? Number(target.split(':')[1]);
  };
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '');
    const port = portFor(`${url.hostname}:${url.port || '80'}`);
    const { method, headers } = request;
    const onward = httpRequest({ host: '127.0.0.1', port, method, headers, path: url.pathname + url.search });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  server.on('connect', (request, socket: Duplex, head: Buffer) => {
    const onward = connect(portFor(request.url ?? ''), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    tunnels.add(socket);
    for (const end of [onward, socket]) end.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      for (const socket of tunnels) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
