/** What the system tells, from trees of files as kernels show them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MachineFacts } from './machine-facts.ts';
import { machineFacts } from './machine-node.ts';

function factsOf(t: TestContext, files: Readonly<Record<string, string>>): MachineFacts {
  const root = mkdtempSync(join(tmpdir(), 'bitnet-machine-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return machineFacts(root);
}

const isLinux = process.platform === 'linux';

test('a hybrid x86 processor lists its kinds of cores', (t) => {
  const facts = factsOf(t, {
    'sys/devices/cpu_core/cpus': '0-11\n',
    'sys/devices/cpu_atom/cpus': '12-19\n',
  });
  if (!isLinux) return assert.ok(facts.usableThreads > 0);
  assert.deepEqual([facts.performanceCores, facts.efficiencyCores], [12, 8]);
});

test('arm64 tells capacities, older kernels the highest frequencies', (t) => {
  const capacities = [446, 446, 446, 446, 871, 871, 871, 1024];
  const facts = factsOf(
    t,
    Object.fromEntries(
      capacities.map((capacity, i) => [`sys/devices/system/cpu/cpu${i}/cpu_capacity`, `${capacity}\n`]),
    ),
  );
  if (!isLinux) return assert.ok(facts.usableThreads > 0);
  assert.deepEqual([facts.performanceCores, facts.efficiencyCores], [4, 4]);
  const even = factsOf(t, {
    'sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq': '2400000\n',
    'sys/devices/system/cpu/cpu1/cpufreq/cpuinfo_max_freq': '2300000\n',
  });
  assert.deepEqual([even.performanceCores, even.efficiencyCores], [2, 0]);
});

test('where nobody tells of cores, nothing is said of them', (t) => {
  const facts = factsOf(t, { 'sys/devices/system/cpu/cpu0/online': '1\n' });
  if (!isLinux) return assert.ok(facts.usableThreads > 0);
  assert.equal(facts.performanceCores, undefined);
});

test('instruction sets are those that kernels are written for', (t) => {
  const x86 = factsOf(t, { 'proc/cpuinfo': 'processor : 0\nflags\t\t: fpu avx2 fma f16c avx_vnni htt\n' });
  assert.deepEqual(x86.instructionSets, ['avx2', 'fma', 'f16c', 'avx_vnni']);
  const arm = factsOf(t, { 'proc/cpuinfo': 'Features\t: fp asimd asimddp i8mm\n' });
  assert.deepEqual(arm.instructionSets, ['asimd', 'asimddp', 'i8mm']);
});

test('memory is what the kernel calls available, less where a container has less', (t) => {
  const meminfo = 'MemTotal:       2000 kB\nMemFree:         100 kB\nMemAvailable:    1024 kB\n';
  const free = factsOf(t, { 'proc/meminfo': meminfo });
  assert.equal(free.availableMemoryBytes, 2 ** 20);
  const contained = factsOf(t, {
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '0::/\n',
    'proc/self/mountinfo': '29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n',
    'sys/fs/cgroup/memory.max': '600000\n',
    'sys/fs/cgroup/memory.current': '100000\n',
    'sys/fs/cgroup/cpu.max': '50000 100000\n',
  });
  assert.equal(contained.totalMemoryBytes, 600000);
  assert.equal(contained.availableMemoryBytes, 500000);
  assert.equal(contained.usableThreads, 0.5);
  assert.equal(contained.limitedBy, 'cgroup');
});
