import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { readBytes } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { httpFolder, openHttp } from './http.ts';
import type { HttpOptions } from './http-range.ts';

const FILE = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) & 255);
const FAST: HttpOptions = { retryDelayMs: 1, readAheadBytes: 1000 };

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** Runs `body` against a server that logs the ranges asked for. */
async function withServer(
  handler: Handler,
  body: (base: string, ranges: (string | undefined)[]) => Promise<void>,
): Promise<void> {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    handler(request, response, ranges.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, ranges);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function rangeOf(request: IncomingMessage): [number, number] {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  return [Number(match?.[1]), Math.min(Number(match?.[2]) + 1, FILE.length)];
}

/** Answers as a server should, with some headers changed. */
function serve(
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string> = {},
): void {
  const [from, end] = rangeOf(request);
  response.writeHead(206, {
    'content-range': `bytes ${from}-${end - 1}/${FILE.length}`,
    'content-length': String(end - from),
    etag: '"one"',
    ...headers,
  });
  response.end(FILE.subarray(from, end));
}

const hasCode = (code: string) => (error: unknown) => {
  assert.ok(error instanceof BitnetError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

test('small reads share a window, large ones go straight through, each byte is fetched once', async () => {
  await withServer(
    (request, response) => serve(request, response),
    async (base, ranges) => {
      const source = await openHttp(`${base}m.gguf?token=secret`, FAST);
      assert.equal(source.name, `${base}m.gguf`);
      assert.equal(source.size, 5000);
      for (const [offset, length] of [
        [0, 4],
        [4, 8],
        [990, 20],
        [1500, 100],
        [1900, 2900],
        [4990, 10],
        [5000, 0],
      ] as const) {
        assert.deepEqual(await readBytes(source, offset, length), FILE.slice(offset, offset + length));
      }
      assert.deepEqual(ranges, ['bytes=0-999', 'bytes=1000-1999', 'bytes=2000-4799', 'bytes=4990-4999']);
      await assert.rejects(source.readInto(new Uint8Array(11), 4990), hasCode('source/out-of-range'));
      await source.close();
      await source.close();
      await assert.rejects(source.readInto(new Uint8Array(1), 0), hasCode('source/read-failed'));
    },
  );
});

test('headers are sent with every request', async () => {
  const seen: (string | undefined)[] = [];
  const handler: Handler = (request, response) => {
    seen.push(request.headers.authorization);
    serve(request, response);
  };
  await withServer(handler, async (base) => {
    const source = await openHttp(base, { ...FAST, headers: { authorization: 'Bearer x' } });
    await source.readInto(new Uint8Array(2000), 2000);
  });
  assert.deepEqual(seen, ['Bearer x', 'Bearer x']);
});

test('a dropped connection is taken up where it stopped', async () => {
  const handler: Handler = (request, response, count) => {
    if (count === 1 || count > 4) return serve(request, response);
    const [from, end] = rangeOf(request);
    response.writeHead(206, {
      'content-range': `bytes ${from}-${end - 1}/5000`,
      'content-length': String(end - from),
    });
    response.write(FILE.subarray(from, from + 500), () => setTimeout(() => response.destroy(), 20));
  };
  await withServer(handler, async (base, ranges) => {
    const source = await openHttp(base, FAST);
    assert.deepEqual(await readBytes(source, 1000, 3000), FILE.slice(1000, 4000));
    assert.deepEqual(ranges.slice(1), [
      'bytes=1000-3999',
      'bytes=1500-3999',
      'bytes=2000-3999',
      'bytes=2500-3999',
    ]);
  });
});

test('a server that is overloaded is asked again, but not for ever', async () => {
  const busy: Handler = (request, response, count) => {
    if (count % 3 !== 0) response.writeHead(503).end();
    else serve(request, response);
  };
  await withServer(busy, async (base, ranges) => {
    const source = await openHttp(base, FAST);
    await source.readInto(new Uint8Array(1000), 3000);
    assert.equal(ranges.length, 6);
  });
  const dead: Handler = (_, response) => response.destroy();
  await withServer(dead, async (base, ranges) => {
    await assert.rejects(openHttp(base, { ...FAST, attempts: 3 }), hasCode('source/read-failed'));
    assert.equal(ranges.length, 3);
  });
});

for (const [what, headers] of [
  ['another ETag', { etag: '"two"' }],
  ['another size', { 'content-range': 'bytes 2000-2999/4999' }],
] as const) {
  test(`a file that changes while it is read is noticed: ${what}`, async () => {
    const handler: Handler = (request, response, count) =>
      serve(request, response, count === 1 ? {} : headers);
    await withServer(handler, async (base) => {
      const source = await openHttp(base, FAST);
      await assert.rejects(source.readInto(new Uint8Array(1000), 2000), hasCode('source/changed'));
    });
  });
}

test('a part that starts elsewhere or is too long is refused', async () => {
  const elsewhere: Handler = (request, response, count) =>
    serve(request, response, count === 1 ? {} : { 'content-range': 'bytes 0-999/5000' });
  await withServer(elsewhere, async (base) => {
    const source = await openHttp(base, FAST);
    await assert.rejects(source.readInto(new Uint8Array(1000), 2000), hasCode('source/read-failed'));
  });
  const endless: Handler = (request, response, count) => {
    if (count === 1) return serve(request, response);
    response.writeHead(206, { 'content-range': 'bytes 2000-2999/5000' });
    response.end(new Uint8Array(1500));
  };
  await withServer(endless, async (base) => {
    const source = await openHttp(base, FAST);
    await assert.rejects(source.readInto(new Uint8Array(1000), 2000), hasCode('source/read-failed'));
  });
});

test('without ranges small files are kept whole and large ones refused', async () => {
  const whole: Handler = (_, response) => response.writeHead(200).end(FILE);
  await withServer(whole, async (base, ranges) => {
    const source = await openHttp(base, FAST);
    assert.deepEqual(await readBytes(source, 4000, 1000), FILE.slice(4000));
    assert.equal(ranges.length, 1);
    await assert.rejects(openHttp(base, { ...FAST, wholeFileLimitBytes: 4999 }), hasCode('http/no-ranges'));
  });
  const announced: Handler = (_, response) =>
    response.writeHead(200, { 'content-length': '100000000000' }).write('x');
  await withServer(announced, async (base) => {
    await assert.rejects(openHttp(base, FAST), hasCode('http/no-ranges'));
  });
});

test('ranges that are ignored later are noticed', async () => {
  const handler: Handler = (request, response, count) => {
    if (count === 1) serve(request, response);
    else response.writeHead(200).end(FILE);
  };
  await withServer(handler, async (base) => {
    const source = await openHttp(base, FAST);
    await assert.rejects(source.readInto(new Uint8Array(1000), 2000), hasCode('source/changed'));
  });
});

test('the length comes from HEAD where Content-Range is hidden', async () => {
  const hidden: Handler = (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(200, { 'content-length': '5000' }).end();
    const [from, end] = rangeOf(request);
    response.writeHead(206).end(FILE.subarray(from, end));
  };
  await withServer(hidden, async (base) => {
    const source = await openHttp(base, FAST);
    assert.equal(source.size, 5000);
    assert.deepEqual(await readBytes(source, 3000, 2000), FILE.slice(3000));
  });
  const silent: Handler = (_, response) => response.writeHead(206, { 'transfer-encoding': 'chunked' }).end();
  await withServer(silent, async (base) => {
    await assert.rejects(openHttp(base, FAST), hasCode('http/no-ranges'));
  });
});

test('an empty file is a source of no bytes', async () => {
  const empty: Handler = (_, response) => response.writeHead(416, { 'content-range': 'bytes */0' }).end();
  await withServer(empty, async (base) => assert.equal((await openHttp(base, FAST)).size, 0));
  const odd: Handler = (_, response) => response.writeHead(416).end();
  await withServer(odd, async (base) => {
    await assert.rejects(openHttp(base, FAST), hasCode('http/status'));
  });
});

for (const [status, code] of [
  [401, 'http/unauthorized'],
  [403, 'http/unauthorized'],
  [404, 'http/not-found'],
  [410, 'http/not-found'],
  [418, 'http/status'],
  [204, 'http/status'],
] as const) {
  test(`status ${status} is ${code} and not tried again`, async () => {
    const handler: Handler = (_, response) => response.writeHead(status).end();
    await withServer(handler, async (base, ranges) => {
      await assert.rejects(openHttp(`${base}x`, FAST), hasCode(code));
      assert.equal(ranges.length, 1);
    });
  });
}

test('the start page of a web application is no model file', async () => {
  const page: Handler = (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
  await withServer(page, async (base) => {
    await assert.rejects(openHttp(`${base}x`, FAST), hasCode('http/not-found'));
    assert.equal(await httpFolder(base, FAST).open('config.json'), undefined);
  });
});

test('aborting ends a request, a wait and a body with the reason', async () => {
  const stuck: Handler = (request, response, count) => {
    if (count === 1) return serve(request, response);
    response.writeHead(206, { 'content-range': 'bytes 2000-2999/5000' });
    response.write('x');
  };
  await withServer(stuck, async (base) => {
    const source = await openHttp(base, FAST);
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 30);
    await assert.rejects(source.readInto(new Uint8Array(1000), 2000, controller.signal), reason);
    await assert.rejects(source.readInto(new Uint8Array(1), 0, controller.signal), reason);
    setTimeout(() => void source.close(), 30);
    await assert.rejects(source.readInto(new Uint8Array(1000), 2000), hasCode('source/read-failed'));
  });
  const busy: Handler = (_, response) => response.writeHead(503).end();
  await withServer(busy, async (base) => {
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(openHttp(base, { retryDelayMs: 60_000 }, controller.signal), reason);
  });
});

test('a folder opens files under its URL and nothing outside it', async () => {
  const paths: (string | undefined)[] = [];
  const handler: Handler = (request, response) => {
    paths.push(request.url);
    if (request.url?.includes('missing')) response.writeHead(404).end();
    else if (request.url?.includes('closed')) response.writeHead(403).end();
    else serve(request, response);
  };
  await withServer(handler, async (base) => {
    const folder = httpFolder(`${base}models/x/?key=1`, FAST);
    assert.equal(folder.name, `${base}models/x/`);
    assert.equal((await folder.open('a b.json'))?.name, `${base}models/x/a%20b.json`);
    assert.equal(await folder.open('missing.json'), undefined);
    for (const outside of ['..', '.', '../x', 'a/b', 'a\\b'])
      assert.equal(await folder.open(outside), undefined);
    await assert.rejects(folder.open('closed.json'), hasCode('http/unauthorized'));
  });
  assert.deepEqual(paths, [
    '/models/x/a%20b.json?key=1',
    '/models/x/missing.json?key=1',
    '/models/x/closed.json?key=1',
  ]);
});

test('URLs that cannot be opened are refused', async () => {
  assert.throws(() => httpFolder('http://localhost/x'), hasCode('http/bad-url'));
  await assert.rejects(openHttp('file:///etc/passwd'), hasCode('http/bad-url'));
  await assert.rejects(openHttp('::'), hasCode('http/bad-url'));
});
