import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../contract/user-error.ts';

/**
 * The folder is replaced as a whole, so it may only hold an earlier client of the same name, or nothing.
 * @throws UserError otherwise
 */
export async function assertReplaceable(folder: string, name: string): Promise<void> {
  const entries = await readdir(folder).catch(absent);
  if (entries.length === 0 || (await nameIn(folder)) === name) return;
  throw new UserError(
    `${folder} has something else in it than ${name}. Remove it, or name another folder: --out <folder>.`,
  );
}

function absent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw new UserError(`The client cannot be written there: ${error.message}`, { cause: error });
}

async function nameIn(folder: string): Promise<unknown> {
  try {
    return (JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name;
  } catch {
    return undefined; // No package: not ours to replace.
  }
}
