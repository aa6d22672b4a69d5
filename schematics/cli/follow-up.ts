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
  for (const { script, from, folders } of MADE) {
    if (!(script in scripts) || !changes.some(({ path }) => from.test(path))) continue;
    for (const folder of folders) undo.rememberFolder(folder);
    console.log(`RUN npm run ${script}`);
    await run(root, script, undo);
  }
}

async function run(root: string, script: string, undo: Undo): Promise<void> {
  const output: string[] = [];
  const child = spawn('npm', ['run', '--silent', script], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const failed = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(code === 0 ? undefined : output.join('')));
  });
  if (undo.isInterrupted) throw new Error('interrupted; everything is as it was');
  if (failed !== undefined)
    throw new Error(`"npm run ${script}" failed; everything is as it was:\n${failed}`);
}
