/** Which processor core runs what, and what the operating system counted for a process. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Every target, one at a time under load. */
export const TARGET_CORE = 0;
/** The load generator and the collector. */
export const LOAD_CORE = 1;

/** Keeps this process, all its threads, on the load core. */
export function pinToLoadCore(): void {
  if (availableParallelism() < 2)
    throw new Error('The benchmark needs two cores: one to serve, one to load.');
  execFileSync('taskset', ['-a', '-c', '-p', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' });
}

/** CPU time that all threads of a process have used, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [running] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1);
      nanoseconds += Number(running);
    } catch (error) {
      // The thread ended between the two reads.
      if (!isGone(error)) throw error;
    }
  }
  return nanoseconds / 1000;
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!found) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(found[1]) * 1024;
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}
