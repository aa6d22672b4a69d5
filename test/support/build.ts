import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export const PROJECT = resolve(import.meta.dirname, '../..');
const LOCK_TIMEOUT_MS = 120_000;

/**
 * Builds `dist/` when a source is newer. Test files run in several processes: one builds, the others
 * wait for it. SQLite's lock is the kernel's, so it ends with its process however that dies.
 */
export function buildOnce(): void {
  const dist = join(PROJECT, 'dist');
  mkdirSync(dist, { recursive: true });
  const lock = new DatabaseSync(join(dist, '.build.lock'), { timeout: LOCK_TIMEOUT_MS });
  try {
    lock.exec('begin exclusive');
    const stamp = join(dist, '.tsbuildinfo');
    if (modifiedAt(stamp) >= newestSource()) return;
    const begin = new Date();
    runTool('tsc', ['-p', 'tsconfig.build.json'], PROJECT);
    // What changes while the compiler runs must count as newer.
    utimesSync(stamp, begin, begin);
  } finally {
    lock.close();
  }
}

/** Runs a program of `node_modules/.bin`. @throws Error with what it printed when it fails */
export function runTool(name: string, parameters: readonly string[], cwd: string): string {
  const path = `${join(PROJECT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  try {
    return execFileSync(join(PROJECT, 'node_modules/.bin', name), parameters, {
      cwd,
      env: { ...process.env, PATH: path },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${name} ${parameters.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

function newestSource(): number {
  const sources = readdirSync(join(PROJECT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => join(PROJECT, 'src', file));
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package.json'].map((file) =>
    join(PROJECT, file),
  );
  return Math.max(...[...sources, ...settings].map(modifiedAt));
}

function modifiedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
