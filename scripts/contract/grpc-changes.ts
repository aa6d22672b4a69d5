import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Change } from './change.ts';
import { run } from './program.ts';
import { UserError } from './user-error.ts';

/** buf's exit code when it found something. */
const FOUND = 100;

interface Finding {
  readonly path?: string;
  readonly start_line?: number;
  readonly message: string;
}

/** What breaks in the gRPC contract, by the rules that `buf.yaml` names. buf lists nothing else. */
export async function grpcChanges(base: Buffer, revision: Buffer, root: string): Promise<Change[]> {
  if (base.equals(revision)) return [];
  const folder = await mkdtemp(join(tmpdir(), 'contract-'));
  try {
    const [before, after] = [join(folder, 'base.binpb'), join(folder, 'revision.binpb')];
    await writeFile(before, base);
    await writeFile(after, revision);
    return await compare(before, after, root);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compare(base: string, revision: string, root: string): Promise<Change[]> {
  const options = ['--config', join(root, 'buf.yaml'), '--exclude-imports', '--error-format', 'json'];
  const { code, stdout, stderr } = await run(
    'buf',
    ['breaking', revision, '--against', base, ...options],
    root,
  );
  if (code !== 0 && code !== FOUND)
    throw new UserError(
      `buf cannot compare the protos: ${stderr.trim()}\nRun "npm run contract" if contracts/descriptors.binpb is damaged.`,
    );
  return stdout.toString().split('\n').filter(Boolean).map(toChange);
}

function toChange(line: string): Change {
  const { path = '', start_line: at, message } = JSON.parse(line) as Finding;
  const place = path === '' ? '' : `proto/${path}${at === undefined ? '' : `:${at}`}: `;
  return { text: place + message, isBreaking: true };
}
