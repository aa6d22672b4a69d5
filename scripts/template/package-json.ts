import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Workshop } from './workshop.ts';

type Entries = Record<string, string>;

/** What the template commands read and change of package.json. */
export interface PackageJson {
  name: string;
  version: string;
  scripts: Entries;
  /** The template that the project was made from, as `init` and `upgrade` record it. */
  chassis?: ChassisRecord;
  [key: string]: unknown;
}

/** What they read and change of package-lock.json. */
export interface PackageLock {
  readonly name: string;
  /** By their folders; `''` is the project itself. */
  readonly packages: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** Which version of the template the chassis half is of. */
export interface ChassisRecord {
  readonly version: string;
  readonly commit: string;
}

export function readPackage(root: string): PackageJson {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageJson;
}

export function writePackage(root: string, content: PackageJson): void {
  writeFileSync(join(root, 'package.json'), `${JSON.stringify(content, null, 2)}\n`);
}

export function readLock(root: string): PackageLock {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as PackageLock;
}

export function writeLock(root: string, content: PackageLock): void {
  writeFileSync(join(root, 'package-lock.json'), `${JSON.stringify(content, null, 2)}\n`);
}

/** Takes packages out of package.json and its lock file; `node_modules` follows with the next install. */
export async function uninstall(copy: Workshop, packages: readonly string[]): Promise<void> {
  if (packages.length === 0) return;
  const quietly = ['--package-lock-only', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await copy.run('npm', 'uninstall', ...quietly, ...packages);
}
