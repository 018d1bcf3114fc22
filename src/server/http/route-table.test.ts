import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeTable } from './route-table.ts';

test('paths are found by pattern, with all methods that they have', () => {
  const find = routeTable([
    { method: 'ALL', path: '/*' },
    { method: 'GET', path: '/v1/models' },
    { method: 'GET', path: '/v1/models/:model{.+}' },
    { method: 'DELETE', path: '/v1/models/:model{.+}' },
    { method: 'POST', path: '/api/:name/run' },
    { method: 'GET', path: '/a.b' },
  ]);
  assert.deepEqual(find('/v1/models'), { pattern: '/v1/models', methods: ['GET', 'HEAD'] });
  assert.deepEqual(find('/v1/models/org/name'), {
    pattern: '/v1/models/:model{.+}',
    methods: ['GET', 'HEAD', 'DELETE'],
  });
  assert.equal(find('/api/x/run').pattern, '/api/:name/run');
  for (const path of ['/', '/v1', '/v1/models/', '/api/x/y/run', '/axb', '/api//run']) {
    assert.deepEqual(find(path), { pattern: 'unmatched', methods: [] }, path);
  }
});
