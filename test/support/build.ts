import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';

export const PROJECT = resolve(import.meta.dirname, '../..');
const LOCK_TIMEOUT_MS = 120_000;
const TOOL_TIMEOUT_MS = 120_000;

/** Of this process: waiting for the lock holds up the event loop, also for the build that has it. */
let building: Promise<void> | undefined;

/**
 * Builds `dist/` when a source is newer. Test files run in several processes: one builds, the others
 * wait for it. SQLite's lock is the kernel's, so it ends with its process however that dies.
 */
export function buildOnce(): Promise<void> {
  return (building ??= build().finally(() => {
    building = undefined;
  }));
}

async function build(): Promise<void> {
  const dist = join(PROJECT, 'dist');
  mkdirSync(dist, { recursive: true });
  const lock = new DatabaseSync(join(dist, '.build.lock'), { timeout: LOCK_TIMEOUT_MS });
  try {
    lock.exec('begin exclusive');
    // The last thing that a build writes.
    const stamp = join(dist, 'bundle/index.js');
    if (modifiedAt(stamp) >= newestSource()) return;
    const begin = new Date();
    await runTool('tsc', ['-p', 'tsconfig.build.json']);
    await runTool('node', ['scripts/bundle.ts']);
    // What changes while the compiler runs must count as newer.
    utimesSync(stamp, begin, begin);
  } finally {
    lock.close();
  }
}

export interface ToolOptions {
  /** @default the project */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** @default two minutes */
  readonly timeoutMs?: number;
}

/**
 * What a program of `node_modules/.bin` prints.
 * @throws Error with all that it printed when it fails or takes too long
 */
export async function runTool(
  name: string,
  parameters: readonly string[],
  { cwd = PROJECT, env = {}, timeoutMs = TOOL_TIMEOUT_MS }: ToolOptions = {},
): Promise<string> {
  const tools = join(PROJECT, 'node_modules/.bin');
  try {
    const { stdout } = await promisify(execFile)(join(tools, name), parameters, {
      cwd,
      env: { ...process.env, PATH: `${tools}:${process.env['PATH'] ?? ''}`, ...env },
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${name} ${parameters.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

function newestSource(): number {
  const sources = readdirSync(join(PROJECT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => join(PROJECT, 'src', file));
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'scripts/bundle.ts'].map((file) =>
    join(PROJECT, file),
  );
  return Math.max(...[...sources, ...settings].map(modifiedAt));
}

function modifiedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
