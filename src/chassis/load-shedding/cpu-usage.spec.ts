import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CpuUsage } from './cpu-usage.js';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

test('version 2: the tightest quota of the group and those above it', () => {
  put('proc/self/cgroup', '0::/pods/service\n');
  put('sys/fs/cgroup/cpu.max', 'max 100000\n');
  put('sys/fs/cgroup/pods/cpu.max', '150000 100000\n');
  put('sys/fs/cgroup/pods/cpu.stat', 'usage_usec 1000000\nuser_usec 1\n');
  put('sys/fs/cgroup/pods/service/cpu.max', '400000 100000\n');
  put('sys/fs/cgroup/pods/service/cpu.stat', 'usage_usec 0\n');
  const usage = new CpuUsage(root);
  expect(usage).toMatchObject({ source: 'cgroup v2', cores: 1.5 });
  usage.sample(1000);
  put('sys/fs/cgroup/pods/cpu.stat', 'usage_usec 2500000\nuser_usec 1\n');
  // All of 1.5 cores for a second; the newest sample weighs 0.3.
  expect(usage.sample(2000)).toBeCloseTo(0.3);
});

test('version 1: in a container the group is the mount, whatever its path says', () => {
  put('proc/self/cgroup', '3:cpu,cpuacct:/docker/abc\n0::/\n');
  put('sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us', '50000\n');
  put('sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us', '100000\n');
  put('sys/fs/cgroup/cpu,cpuacct/cpuacct.usage', '0\n');
  const usage = new CpuUsage(root);
  expect(usage).toMatchObject({ source: 'cgroup v1', cores: 0.5 });
  usage.sample(1000);
  put('sys/fs/cgroup/cpu,cpuacct/cpuacct.usage', '250000000\n');
  expect(usage.sample(2000)).toBeCloseTo(0.5 * 0.3);
});

test('without a quota: the process, against all cores', () => {
  put('proc/self/cgroup', '0::/\n');
  put('sys/fs/cgroup/cpu.max', 'max 100000\n');
  const usage = new CpuUsage(root);
  expect(usage).toMatchObject({ source: 'process', cores: availableParallelism() });
  expect(usage.sample()).toBe(0);
});

test('a figure that cannot be read is passed over: the next one counts for the time since the last', () => {
  put('proc/self/cgroup', '0::/\n');
  put('sys/fs/cgroup/cpu.max', '100000 100000\n');
  put('sys/fs/cgroup/cpu.stat', 'usage_usec 1000000\n');
  const usage = new CpuUsage(root);
  usage.sample(1000);
  rmSync(join(root, 'sys/fs/cgroup/cpu.stat'));
  expect(usage.sample(2000)).toBe(0);
  put('sys/fs/cgroup/cpu.stat', 'usage_usec 2000000\n');
  expect(usage.sample(3000)).toBeCloseTo(0.5 * 0.3);
});
