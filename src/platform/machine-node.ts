/**
 * What the system tells of the machine: kinds of cores (Linux: the device lists of hybrid x86 processors, cpu_capacity of
 * arm64, else groups of the highest clock frequency; macOS: sysctl), limits of containers, instruction sets, memory. What
 * cannot be read is left out, never guessed. Formats: proc(5), the kernel's admin-guide/cputopology and sysfs ABI.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { countList, readCgroupLimits } from './cgroup.ts';
import type { MachineFacts, ResidentMemory } from './machine-facts.ts';

/** Flags of /proc/cpuinfo that kernels are written for, or could be; those of arm64 behind those of x86-64. */
const KNOWN_SETS: ReadonlySet<string> = new Set([
  'ssse3',
  'avx2',
  'fma',
  'f16c',
  'avx_vnni',
  'avx512f',
  'avx512bw',
  'avx512_vnni',
  'avx512vbmi',
  'amx_int8',
  'asimd',
  'asimddp',
  'i8mm',
  'bf16',
  'sve',
  'sve2',
]);

/** Cores by kind. */
interface CoreKinds {
  readonly performance: number;
  readonly efficiency: number;
}

/**
 * See {@link MachineFacts}.
 *
 * @param root folder that holds proc and sys, for tests
 */
export function machineFacts(root = '/'): MachineFacts {
  const limits = readCgroupLimits(root);
  const all = Math.max(1, cpus().length);
  const allowed = availableParallelism();
  const usable = Math.min(allowed, limits.cpuCount ?? Infinity, limits.cpuQuota ?? Infinity);
  const kinds = process.platform === 'darwin' ? coreKindsOfMac() : coreKindsOfLinux(root);
  const total = Math.min(totalmem(), limits.memoryBytes ?? Infinity);
  const available = Math.min(availableBytes(root), limits.availableMemoryBytes ?? Infinity);
  return {
    processor: processorName(root),
    performanceCores: kinds?.performance,
    efficiencyCores: kinds?.efficiency,
    usableThreads: usable,
    limitedBy: usable < allowed ? 'cgroup' : allowed < all ? 'affinity' : undefined,
    instructionSets: instructionSets(root),
    totalMemoryBytes: total,
    availableMemoryBytes: Math.min(available, total),
  };
}

/** What this process has in physical memory now. */
export function residentMemory(): ResidentMemory {
  const kilobytes = /^RssFile:\s*(\d+) kB$/m.exec(read('/proc/self/status') ?? '')?.[1];
  return {
    bytes: process.memoryUsage.rss(),
    fileBytes: kilobytes === undefined ? undefined : Number(kilobytes) * 1024,
  };
}

function processorName(root: string): string | undefined {
  const name = cpus()[0]?.model.trim();
  if (name !== undefined && name !== '' && name !== 'unknown') return name;
  // Boards with an arm64 processor name themselves in the device tree.
  return read(join(root, 'proc/device-tree/model'))?.replaceAll('\0', '').trim() || undefined;
}

function instructionSets(root: string): string[] {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(read(join(root, 'proc/cpuinfo')) ?? '')?.[1] ?? '';
  return line.split(/\s+/).filter((name) => KNOWN_SETS.has(name));
}

/** What a new program can have: Linux tells, elsewhere what nobody uses is the least that it can be. */
function availableBytes(root: string): number {
  const kilobytes = /^MemAvailable:\s*(\d+) kB$/m.exec(read(join(root, 'proc/meminfo')) ?? '')?.[1];
  if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  return process.platform === 'darwin' ? (availableBytesOfMac() ?? freemem()) : freemem();
}

/** Pages that macOS gives away without writing anything out: free, inactive, speculative and purgeable ones. */
function availableBytesOfMac(): number | undefined {
  const text = output('vm_stat', []);
  const pageBytes = Number(/page size of (\d+) bytes/.exec(text)?.[1]);
  const pages = ['free', 'inactive', 'speculative', 'purgeable'].map((kind) =>
    Number(new RegExp(`^Pages ${kind}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0),
  );
  const bytes = pageBytes * pages.reduce((sum, count) => sum + count, 0);
  return bytes > 0 ? bytes : undefined;
}

function coreKindsOfMac(): CoreKinds | undefined {
  const lines = output('sysctl', ['-n', 'hw.perflevel0.physicalcpu', 'hw.perflevel1.physicalcpu']).split(
    '\n',
  );
  const [performance = 0, efficiency = 0] = lines.map(Number);
  return performance > 0 ? { performance, efficiency } : undefined;
}

function coreKindsOfLinux(root: string): CoreKinds | undefined {
  const devices = join(root, 'sys/devices');
  // Hybrid processors of Intel list the logical processors of each kind.
  const performance = countList(read(join(devices, 'cpu_core/cpus')));
  const efficiency = countList(read(join(devices, 'cpu_atom/cpus')));
  if (performance > 0) return { performance, efficiency };
  const folder = join(devices, 'system/cpu');
  const names = entries(folder).filter((name) => /^cpu\d+$/.test(name));
  const byCapacity = kindsOf(names.map((name) => Number(read(join(folder, name, 'cpu_capacity')))));
  return (
    byCapacity ?? kindsOf(names.map((name) => Number(read(join(folder, name, 'cpufreq/cpuinfo_max_freq')))))
  );
}

/** Cores of less than this share of the best one's strength are of another kind; turbo bins differ by less. */
const EFFICIENT_BELOW = 0.8;

function kindsOf(strengths: readonly number[]): CoreKinds | undefined {
  if (strengths.length === 0 || strengths.some((value) => !(value > 0))) return undefined;
  const best = Math.max(...strengths);
  const performance = strengths.filter((value) => value >= EFFICIENT_BELOW * best).length;
  return { performance, efficiency: strengths.length - performance };
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** What a tool of the system writes; nothing where it is missing or takes too long. */
function output(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      timeout: 1000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}
