import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Change } from './schematics.ts';
import type { Undo } from './undo.ts';

/** What is made from other files: by which script, from what, and where it goes. */
const MADE = [
  { script: 'contract', from: /^(src|proto)\/.*(?<!\.spec\.ts)$/, folders: ['src/generated', 'contracts'] },
  { script: 'dashboards', from: /^grafana\//, folders: ['grafana/dashboards'] },
];

/**
 * Makes anew what is made from the changed files, with those scripts of package.json that there are.
 * @throws Error when a script fails or is interrupted
 */
export async function finish(root: string, changes: readonly Change[], undo: Undo): Promise<void> {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  requireUninterrupted(undo);
  for (const { script, from, folders } of MADE) {
    if (!(script in scripts) || !changes.some(({ path }) => from.test(path))) continue;
    for (const folder of folders) undo.rememberFolder(folder);
    console.log(`RUN npm run ${script}`);
    const fault = await run(root, script, undo.interruption);
    requireUninterrupted(undo);
    if (fault !== undefined)
      throw new Error(`"npm run ${script}" failed; everything is as it was:\n${fault}`);
  }
}

function requireUninterrupted({ interruption }: Undo): void {
  if (interruption.aborted) throw new Error('interrupted; everything is as it was');
}

/** What the script printed when it failed. Its process group is its own, so that all of it can be ended. */
async function run(root: string, script: string, interruption: AbortSignal): Promise<string | undefined> {
  const output: string[] = [];
  const child = spawn(process.execPath, ['--run', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
  interruption.addEventListener('abort', end);
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const fault = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(code === 0 ? undefined : output.join('')));
  });
  interruption.removeEventListener('abort', end);
  return fault;
}
