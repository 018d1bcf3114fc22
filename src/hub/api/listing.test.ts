import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HubClient } from './hub-client.ts';
import { isSafePath, listRepository, resolveUrl } from './listing.ts';

const COMMIT = 'a'.repeat(40);
const small = { type: 'file', path: 'config.json', size: 2, oid: 'b'.repeat(40) };
const large = {
  type: 'file',
  path: 'm.gguf',
  size: 130,
  oid: 'c'.repeat(40),
  lfs: { oid: 'd'.repeat(64), size: 9e9 },
};

/** A client of a hub that gives `pages` of files; notes what it was asked for. */
async function clientOf(
  pages: readonly unknown[],
  asked: { url: string; token: string | null }[] = [],
): Promise<HubClient> {
  const answer = async (input: unknown, init?: { headers?: unknown }): Promise<Response> => {
    const url = new URL(String(input));
    asked.push({
      url: url.href,
      token: new Headers(init?.headers as Record<string, string>).get('authorization'),
    });
    if (url.pathname.includes('/revision/')) return Response.json({ sha: COMMIT });
    const page = Number(url.searchParams.get('cursor') ?? 0);
    const link = `<https://elsewhere.example/tree?recursive=true&cursor=${page + 1}>; rel="next"`;
    return Response.json(pages[page], page + 1 < pages.length ? { headers: { link } } : {});
  };
  const settings = { endpoint: 'https://hub.example', token: 'secret' };
  return HubClient.create(settings, { fetch: answer as typeof fetch });
}

test('a listing is read page by page, and the token stays with the hub', async () => {
  const asked: { url: string; token: string | null }[] = [];
  const client = await clientOf([[small, { type: 'directory', path: 'x' }], [large]], asked);
  const listing = await listRepository(client, 'o/n', 'refs/pr/1', undefined);
  assert.deepEqual(listing, {
    repository: 'o/n',
    commit: COMMIT,
    files: [
      { path: 'config.json', size: 2, etag: 'b'.repeat(40), hash: 'git-sha1' },
      { path: 'm.gguf', size: 9e9, etag: 'd'.repeat(64), hash: 'sha256' },
    ],
  });
  assert.equal(asked.length, 3);
  assert.equal(asked[0]!.url, 'https://hub.example/api/models/o/n/revision/refs%2Fpr%2F1');
  for (const { url, token } of asked) {
    assert.ok(url.startsWith('https://hub.example/'), url);
    assert.equal(token, 'Bearer secret');
  }
});

test('names that could leave their folder are not in the listing', async () => {
  const names = ['../x', '/x', 'a//b', 'a/../b', 'C:x', 'a\\b', 'a\0b', 'a/.', 'a.', ''];
  for (const name of names) assert.equal(isSafePath(name), false, name);
  const client = await clientOf([[...names.map((path) => ({ ...small, path })), small]]);
  const { files } = await listRepository(client, 'o/n', 'main', undefined);
  assert.deepEqual(
    files.map(({ path }) => path),
    ['config.json'],
  );
});

test('a listing without lengths or hashes is refused', async () => {
  const faults: unknown[] = [
    {},
    7,
    'x',
    null,
    [{ ...small, size: -1 }],
    [{ ...small, size: 2 ** 60 }],
    [{ ...small, oid: '../..' }],
    [{ ...large, lfs: { oid: '/etc/passwd', size: 1 } }],
    [{ type: 'file' }],
  ];
  for (const fault of faults) {
    const client = await clientOf([fault]);
    await assert.rejects(
      listRepository(client, 'o/n', 'main', undefined),
      { code: 'hub/bad-answer' },
      JSON.stringify(fault),
    );
  }
});

test('the address of a file has its name encoded, part by part', () => {
  const url = resolveUrl('https://hub.example/base', 'o/n', COMMIT, 'a b/ü#.gguf');
  assert.equal(url, `https://hub.example/base/o/n/resolve/${COMMIT}/a%20b/%C3%BC%23.gguf`);
});
