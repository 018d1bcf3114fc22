import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Worker } from '#platform';
import { BitnetError } from '../../base/errors.ts';
import type { Backend } from '../backend.ts';
import type { NativeVariant, RunningBackend } from '../backend-name.ts';
import { usableVariants } from '../native/load.ts';
import { selectBackend } from '../select.ts';
import { share } from './member.ts';
import { createTeam, type Team } from './team.ts';
import { TEST_PROGRAMS, type TestArgs } from './team-worker.test.ts';

/** Native threads wait in code that the runtime cannot end, so they are tried where they run. */
const BACKENDS: readonly RunningBackend[] =
  typeof usableVariants() === 'object'
    ? ['reference', 'wasm-simd', usableVariants()![0] as NativeVariant]
    : ['reference', 'wasm-simd'];

async function withTeam(
  backendName: RunningBackend,
  workers: number,
  use: (team: Team, backend: Backend) => Promise<void>,
): Promise<void> {
  const { backend } = await selectBackend(backendName, workers > 0);
  const team = await createTeam({
    backend,
    workers,
    spawn: () => new Worker(new URL('./team-worker.test.js', import.meta.url)),
    programs: TEST_PROGRAMS,
    scratchBytes: 64,
  });
  try {
    await use(team, backend);
  } finally {
    await team.dispose();
    backend.dispose();
  }
}

describe('share', () => {
  test('covers everything in order, in whole steps, with parts that differ by at most one step', () => {
    fc.assert(
      fc.property(
        fc.nat(5000),
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 40 }),
        (length, step, count) => {
          let next = 0;
          const sizes: number[] = [];
          for (let index = 0; index < count; index++) {
            const [start, end] = share({ index, count }, length, step);
            assert.equal(start, next);
            assert.ok(end >= start && (end % step === 0 || end === length));
            sizes.push(Math.ceil((end - start) / step));
            next = end;
          }
          assert.equal(next, length);
          assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

for (const backendName of BACKENDS) {
  for (const workers of [0, 1, 3]) {
    describe(`a team of ${workers} workers on ${backendName}`, () => {
      test('does all of the work once', async () => {
        await withTeam(backendName, workers, async (team, { heap }) => {
          assert.equal(team.count, Math.max(workers, 1));
          const args: TestArgs = { address: heap.allocate(100), length: 100 };
          await team.run('fill', args);
          await team.run('fill', args);
          const expected = Array.from({ length: 100 }, (_, i) => {
            const index = Array.from({ length: team.count }, (_, index) => index).find((index) => {
              const [from, to] = share({ index, count: team.count }, 100);
              return i >= from && i < to;
            });
            return 2 * (index! + 1);
          });
          assert.deepEqual([...heap.u8(args.address, 100)], expected);
        });
      });

      test('pieces that members take as they become free make up the whole, each once', async () => {
        await withTeam(backendName, workers, async (team, { heap }) => {
          for (const length of [1, 7, 100, 1000]) {
            const args: TestArgs = { address: heap.allocate(length), length };
            await team.run('takePieces', args);
            assert.ok(heap.u8(args.address, length).every((byte) => byte === 50));
          }
        });
      });

      test('runs that are asked for at once are taken in order', async () => {
        await withTeam(backendName, workers, async (team, { heap }) => {
          const args: TestArgs = { address: heap.allocate(10), length: 10 };
          const order: number[] = [];
          await Promise.all([1, 2, 3].map((i) => team.run('fill', args).then(() => order.push(i))));
          assert.deepEqual(order, [1, 2, 3]);
          assert.equal(heap.u8(args.address, 1)[0], 3);
        });
      });

      test('members have scratch of their own', async () => {
        await withTeam(backendName, workers, (team) => team.run('scratch', {}));
      });

      test('an error of a program comes back, with its code', async () => {
        await withTeam(backendName, workers, async (team) => {
          await assert.rejects(team.run('throwBitnetError', { who: team.count - 1 }), (error) => {
            assert.ok(error instanceof BitnetError);
            assert.equal(error.code, 'test/planted');
            assert.equal(error.message, 'planted');
            assert.deepEqual(error.details, { who: team.count - 1 });
            return true;
          });
        });
      });

      test('after dispose it runs nothing', async () => {
        await withTeam(backendName, workers, async (team) => {
          await team.dispose();
          await assert.rejects(team.run('scratch', {}), { code: 'model/disposed' });
        });
      });
    });
  }

  describe(`threads on ${backendName}`, () => {
    test('see what others wrote before a barrier', async () => {
      await withTeam(backendName, 3, async (team, { heap }) => {
        await team.run('count', { address: heap.allocate(64), length: 300 });
      });
    });

    test('one that throws rejects the run, and every later one', async () => {
      await withTeam(backendName, 3, async (team) => {
        const isPlanted = (error: unknown) =>
          error instanceof BitnetError &&
          error.code === 'team/worker-failed' &&
          /planted/.test(error.message);
        await assert.rejects(team.run('throwError', { who: 1 }), isPlanted);
        await assert.rejects(team.run('scratch', {}), isPlanted);
      });
    });

    test('one that throws while the others wait at a barrier does not hang the run, nor its dispose', async () => {
      await withTeam(backendName, 3, async (team) => {
        await assert.rejects(team.run('throwBeforeBarrier', { who: 0 }), /planted/);
      });
    });

    test('one that ends while the others wait at a barrier does not hang the run, nor its dispose', async () => {
      await withTeam(backendName, 3, async (team) => {
        const isToldSo = { code: 'team/worker-failed', message: /has ended/ };
        await assert.rejects(team.run('leaveBeforeBarrier', { who: 1 }), isToldSo);
        await assert.rejects(team.run('scratch', {}), isToldSo);
      });
    });

    test('an unknown program is an error, no hang', async () => {
      await withTeam(backendName, 2, async (team) => {
        await assert.rejects(team.run('nothing', {}), { code: 'team/worker-failed' });
      });
    });

    test('a run under way is rejected by dispose', async () => {
      await withTeam(backendName, 2, async (team, { heap }) => {
        const run = team.run('count', { address: heap.allocate(64), length: 1e9 });
        const rejected = assert.rejects(run, { code: 'model/disposed' });
        await team.dispose();
        await rejected;
      });
    });
  });
}

test('workers whose module cannot be loaded are an error, no hang', async () => {
  const { backend } = await selectBackend('reference', true);
  const team = createTeam({
    backend,
    workers: 2,
    spawn: () => new Worker(new URL('./there-is-none.js', import.meta.url)),
    programs: {},
    scratchBytes: 64,
  });
  await assert.rejects(team, { code: 'team/worker-failed' });
});
