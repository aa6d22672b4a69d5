import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildOnce, PROJECT } from './build.js';

/** A copy of the built service in `root`, which a test may change or spoil. */
export async function copyService(root: string): Promise<string> {
  await buildOnce();
  for (const part of ['dist', 'config', 'contracts', 'package.json'])
    cpSync(join(PROJECT, part), join(root, part), { recursive: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
  return root;
}

/** The same with one file of another text. */
export async function copyServiceWith(root: string, file: string, text: string): Promise<string> {
  await copyService(root);
  writeFileSync(join(root, file), text);
  return root;
}
