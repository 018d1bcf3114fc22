/**
 * What a container may use of its machine, on Linux: the limits of the control groups, versions 1 and 2, that this process
 * is in. A group is found by its path in /proc/self/cgroup below the mount that /proc/self/mountinfo names; the limits of
 * all groups from there up to the mount hold at once. What cannot be read limits nothing: a container may hide its groups.
 * Formats: proc_pid_cgroup(5), proc_pid_mountinfo(5), the kernel's admin-guide/cgroup-v2 and cgroup-v1.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Limits of the control groups of a process; undefined where there is none. */
export interface CgroupLimits {
  /** Processors' worth of time, such as 1.5 (`docker --cpus 1.5`, Kubernetes `limits.cpu`). */
  readonly cpuQuota: number | undefined;
  /** Processors that it may run on (`docker --cpuset-cpus`). */
  readonly cpuCount: number | undefined;
  /** Bytes of memory that it may hold (`docker --memory`, Kubernetes `limits.memory`). */
  readonly memoryBytes: number | undefined;
  /** Bytes of them that are free, or hold cached files that give way. */
  readonly availableMemoryBytes: number | undefined;
}

const KERNEL_NUMBER = /^\d+$/;
/** Version 1 says "no limit" with the greatest multiple of a page, which no machine has. */
const NO_LIMIT_BYTES = 2 ** 60;

/**
 * Reads the limits of the groups that this process is in, from the files of the kernel.
 *
 * @param root folder that holds proc and sys, for tests
 */
export function readCgroupLimits(root = '/'): CgroupLimits {
  const cpu = foldersOf(root, 'cpu');
  const memory = foldersOf(root, 'memory').map(memoryOf);
  return {
    cpuQuota: least(cpu.map(quotaOf)),
    cpuCount: least(foldersOf(root, 'cpuset').map(countOf)),
    memoryBytes: least(memory.map((level) => level.limit)),
    availableMemoryBytes: least(memory.map((level) => level.available)),
  };
}

/** Folders of the groups that a controller keeps for this process, the innermost first, of both versions. */
function foldersOf(root: string, controller: string): readonly string[] {
  const groups = linesOf(join(root, 'proc/self/cgroup')).map((line) => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return { controllers: controllers === '' ? [] : controllers.split(','), path };
  });
  const folders: string[] = [];
  for (const mount of linesOf(join(root, 'proc/self/mountinfo')).map(mountOf)) {
    const isUnified = mount?.type === 'cgroup2';
    if (mount === undefined || !(isUnified || mount.options.includes(controller))) continue;
    const group = groups.find(({ controllers }) =>
      isUnified ? controllers.length === 0 : controllers.includes(controller),
    );
    if (group === undefined) continue;
    const steps = stepsBelow(mount.top, group.path);
    for (let length = steps.length; length >= 0; length--) {
      folders.push(join(root, mount.point, ...steps.slice(0, length)));
    }
  }
  return folders;
}

/** A mount of control groups: `top` is the group that its folder `point` shows. */
function mountOf(line: string): { top: string; point: string; type: string; options: string[] } | undefined {
  const [before = '', after = ''] = line.split(' - ');
  const [, , , top, point] = before.split(' ');
  const [type = '', , options = ''] = after.split(' ');
  if (!type.startsWith('cgroup') || top === undefined || point === undefined) return undefined;
  return { top, point: unescapeMount(point), type, options: options.split(',') };
}

/** The kernel writes blanks in paths as \040 and the like. */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Names on the way from the mounted group to the group at `path`; none where that is not below it, as in a namespace. */
function stepsBelow(top: string, path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  const above = top.split('/').filter((name) => name !== '');
  const isBelow = above.every((name, index) => names[index] === name);
  if (!isBelow || names.includes('..')) return [];
  return names.slice(above.length);
}

function quotaOf(folder: string): number | undefined {
  const [quota = '', period = ''] = firstLine(folder, 'cpu.max')?.split(' ') ?? [
    firstLine(folder, 'cpu.cfs_quota_us'),
    firstLine(folder, 'cpu.cfs_period_us'),
  ];
  const share = numberOf(quota) / numberOf(period);
  return share > 0 && Number.isFinite(share) ? share : undefined;
}

function countOf(folder: string): number | undefined {
  const list = ['cpuset.cpus.effective', 'cpuset.effective_cpus', 'cpuset.cpus']
    .map((name) => firstLine(folder, name))
    .find((line) => line !== undefined && line !== '');
  const count = countList(list);
  return count > 0 ? count : undefined;
}

/** How many processors a list of the kernel such as 0-3,8 names; not a positive number where there is no list. */
export function countList(list: string | undefined): number {
  let count = 0;
  for (const range of list?.trim().split(',') ?? []) {
    const [first = '', last = first] = range.split('-');
    count += numberOf(last) - numberOf(first) + 1;
  }
  return count;
}

function memoryOf(folder: string): { limit: number | undefined; available: number | undefined } {
  const limit = least(
    ['memory.max', 'memory.high', 'memory.limit_in_bytes'].map((name) => {
      const bytes = numberOf(firstLine(folder, name));
      return bytes < NO_LIMIT_BYTES ? bytes : undefined;
    }),
  );
  const used = numberOf(firstLine(folder, 'memory.current') ?? firstLine(folder, 'memory.usage_in_bytes'));
  if (limit === undefined || Number.isNaN(used)) return { limit, available: limit };
  const cached = cachedBytes(linesOf(join(folder, 'memory.stat')));
  return { limit, available: Math.max(0, limit - Math.max(0, used - cached)) };
}

/** Pages of files, which the kernel drops before it ends a process; version 1 counts those of inner groups as total_. */
function cachedBytes(statistics: readonly string[]): number {
  const values = new Map(statistics.map((line) => line.split(' ') as [string, string]));
  return ['active_file', 'inactive_file']
    .map((name) => numberOf(values.get(`total_${name}`) ?? values.get(name)))
    .reduce((sum, bytes) => sum + (bytes || 0), 0);
}

function numberOf(text: string | undefined): number {
  return text !== undefined && KERNEL_NUMBER.test(text) ? Number(text) : Number.NaN;
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const limits = values.filter((value) => value !== undefined);
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

function firstLine(folder: string, name: string): string | undefined {
  return linesOf(join(folder, name))[0];
}

/** Lines of a file of the kernel; none where there is no such file, as on other systems. */
function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
