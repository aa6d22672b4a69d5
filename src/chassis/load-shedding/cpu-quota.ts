import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a container may use of the machine. */
export interface CpuQuota {
  readonly source: 'cgroup v2' | 'cgroup v1';
  /** Cores, with fractions. */
  readonly cores: number;
  /** CPU time that has been used, in milliseconds. */
  readonly usedMs: () => number;
}

/**
 * The tightest quota that holds for this process; `undefined` without one. Sources: cgroup-v2.rst of the Linux
 * kernel, "CPU Interface Files" (`cpu.max`, `cpu.stat`); sched-bwc.rst (`cpu.cfs_quota_us`) and cpuacct.rst for v1.
 */
export function findCpuQuota(root: string): CpuQuota | undefined {
  const groups = read(join(root, 'proc/self/cgroup'))?.trim().split('\n') ?? [];
  const found = groups.flatMap((line) => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === '') return foldersOf(join(root, 'sys/fs/cgroup'), path).map(quotaOfV2);
    if (!controllers.split(',').includes('cpu')) return [];
    return foldersOf(join(root, 'sys/fs/cgroup', controllers), path).map((folder) => quotaOfV1(root, folder));
  });
  return found
    .filter((quota) => quota !== undefined)
    .toSorted((a, b) => a.cores - b.cores)
    .at(0);
}

/** The group's own folder and those above it: a quota there holds, too. In a container its own may be the mount. */
function foldersOf(mount: string, path: string): string[] {
  const folders: string[] = [];
  for (let at = join('/', path); at !== '/'; at = dirname(at)) folders.push(join(mount, at));
  return [...folders, mount];
}

function quotaOfV2(folder: string): CpuQuota | undefined {
  const [quota = 'max', period = '100000'] = read(join(folder, 'cpu.max'))?.trim().split(' ') ?? [];
  const usedMs = (): number =>
    Number(/^usage_usec (\d+)/m.exec(read(join(folder, 'cpu.stat')) ?? '')?.[1]) / 1000;
  return quotaOf('cgroup v2', Number(quota) / Number(period), usedMs);
}

function quotaOfV1(root: string, folder: string): CpuQuota | undefined {
  const quota = Number(read(join(folder, 'cpu.cfs_quota_us')) ?? -1);
  const period = Number(read(join(folder, 'cpu.cfs_period_us')) ?? 100_000);
  const mount = join(root, 'sys/fs/cgroup');
  const group = folder.slice(mount.length).split('/').slice(2).join('/');
  const accounts = ['cpuacct', 'cpu,cpuacct'].map((name) => join(mount, name, group, 'cpuacct.usage'));
  const account = accounts.find((file) => read(file) !== undefined);
  if (account === undefined) return undefined;
  return quotaOf('cgroup v1', quota / period, () => Number(read(account)) / 1e6);
}

function quotaOf(source: CpuQuota['source'], cores: number, usedMs: () => number): CpuQuota | undefined {
  return cores > 0 && cores < Infinity && usedMs() >= 0 ? { source, cores, usedMs } : undefined;
}

/** `undefined` where there is no such file: another version of cgroups, or none. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
