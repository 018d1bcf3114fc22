/** Limits of control groups, from trees of files as the kernel shows them in usual containers. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CgroupLimits, readCgroupLimits } from './cgroup.ts';

const GB = 2 ** 30;
const NOTHING: CgroupLimits = {
  cpuQuota: undefined,
  cpuCount: undefined,
  memoryBytes: undefined,
  availableMemoryBytes: undefined,
};
const UNIFIED = '29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';

/** What is read from a tree of these files. */
function limitsOf(t: TestContext, files: Readonly<Record<string, string>>): CgroupLimits {
  const root = mkdtempSync(join(tmpdir(), 'bitnet-cgroup-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return readCgroupLimits(root);
}

test('where the kernel tells of no groups, nothing is limited', (t) => {
  assert.deepEqual(limitsOf(t, {}), NOTHING);
  assert.deepEqual(
    limitsOf(t, {
      'proc/self/cgroup': '0::/\n',
      'proc/self/mountinfo': '22 1 8:1 / / rw - ext4 /dev/sda rw\n',
    }),
    NOTHING,
  );
});

test('version 2: a container in its own namespace sees its group at the mount', (t) => {
  const limits = limitsOf(t, {
    'proc/self/cgroup': '0::/\n',
    'proc/self/mountinfo': `22 1 8:1 / / rw - ext4 /dev/sda rw\n${UNIFIED}`,
    'sys/fs/cgroup/cpu.max': '150000 100000\n',
    'sys/fs/cgroup/cpuset.cpus.effective': '0-3,8\n',
    'sys/fs/cgroup/memory.max': `${2 * GB}\n`,
    'sys/fs/cgroup/memory.current': `${GB}\n`,
    'sys/fs/cgroup/memory.stat': `anon 1\ninactive_file ${GB / 4}\nactive_file ${GB / 4}\n`,
  });
  assert.deepEqual(limits, {
    cpuQuota: 1.5,
    cpuCount: 5,
    memoryBytes: 2 * GB,
    availableMemoryBytes: 1.5 * GB,
  });
});

test('version 2: the tightest group from the own one up to the mount counts', (t) => {
  const slice = 'sys/fs/cgroup/kubepods.slice';
  const limits = limitsOf(t, {
    'proc/self/cgroup': '0::/kubepods.slice/pod1/main\n',
    'proc/self/mountinfo': UNIFIED,
    [`${slice}/cpu.max`]: '800000 100000\n',
    [`${slice}/memory.max`]: `${4 * GB}\n`,
    [`${slice}/memory.current`]: `${3.5 * GB}\n`,
    [`${slice}/pod1/cpu.max`]: '100000 50000\n',
    [`${slice}/pod1/memory.max`]: 'max\n',
    [`${slice}/pod1/memory.current`]: '4096\n',
    [`${slice}/pod1/main/cpu.max`]: 'max 100000\n',
    [`${slice}/pod1/main/memory.max`]: `${2 * GB}\n`,
    [`${slice}/pod1/main/memory.current`]: '4096\n',
    // Another group's business.
    [`${slice}/pod2/cpu.max`]: '10000 100000\n',
  });
  assert.equal(limits.cpuQuota, 2);
  assert.equal(limits.memoryBytes, 2 * GB);
  assert.equal(limits.availableMemoryBytes, 0.5 * GB);
});

test('version 1: a container without a namespace names a path that its mount starts at', (t) => {
  const limits = limitsOf(t, {
    'proc/self/cgroup': [
      '12:cpuset:/docker/ab',
      '11:memory:/docker/ab',
      '4:cpu,cpuacct:/docker/ab',
      '1:name=systemd:/docker/ab',
      '0::/docker/ab\n',
    ].join('\n'),
    'proc/self/mountinfo': [
      '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
      '32 31 0:29 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct',
      '33 31 0:30 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
      '34 31 0:31 /docker/ab /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n',
    ].join('\n'),
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '50000\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    'sys/fs/cgroup/cpuset/cpuset.effective_cpus': '2\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': `${GB}\n`,
    'sys/fs/cgroup/memory/memory.usage_in_bytes': `${GB / 2}\n`,
    'sys/fs/cgroup/memory/memory.stat': `inactive_file 1\ntotal_inactive_file ${GB / 4}\ntotal_active_file 0\n`,
  });
  assert.deepEqual(limits, {
    cpuQuota: 0.5,
    cpuCount: 1,
    memoryBytes: GB,
    availableMemoryBytes: 0.75 * GB,
  });
});

test('version 1 beside version 2: groups without a limit limit nothing', (t) => {
  const limits = limitsOf(t, {
    'proc/self/cgroup': '4:memory:/a b\n1:cpu:/\n0::/a b\n',
    'proc/self/mountinfo': [
      '32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
      '33 31 0:30 / /sys/fs/cgroup/my\\040memory rw - cgroup cgroup rw,memory',
      '34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n',
    ].join('\n'),
    'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    'sys/fs/cgroup/my memory/memory.limit_in_bytes': '9223372036854771712\n',
    'sys/fs/cgroup/my memory/a b/memory.limit_in_bytes': `${GB}\n`,
    'sys/fs/cgroup/my memory/a b/memory.usage_in_bytes': `${2 * GB}\n`,
  });
  assert.deepEqual(limits, { ...NOTHING, memoryBytes: GB, availableMemoryBytes: 0 });
});

test('files with other words than the kernel writes limit nothing', (t) => {
  const limits = limitsOf(t, {
    'proc/self/cgroup': 'no colons\n0::/../outside\n',
    'proc/self/mountinfo': `short\n${UNIFIED}`,
    'sys/fs/cgroup/cpu.max': '100000 0\n',
    'sys/fs/cgroup/cpuset.cpus.effective': 'all\n',
    'sys/fs/cgroup/memory.max': '-5\n',
    'outside/cpu.max': '100000 100000\n',
  });
  assert.deepEqual(limits, NOTHING);
});
