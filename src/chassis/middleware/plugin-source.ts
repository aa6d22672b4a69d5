import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PluginFault } from './plugin-fault.js';

/** Bytes that were read once, checked against their hash, and what they are imported by. */
export interface PluginSource {
  readonly sha256: string;
  /** For `import()`. */
  readonly url: string;
}

/**
 * A plugin that is one file. What is imported are the very bytes that were hashed, not what the path leads to
 * later; so it can import nothing but Node's own modules, and nothing that was not hashed.
 * @throws {PluginFault} OUTSIDE, NOT_FOUND or TOO_LARGE
 */
export async function readPluginFile(folder: string, file: string, maxBytes: number): Promise<PluginSource> {
  if (isAbsolute(file))
    throw new PluginFault('OUTSIDE', 'is given by an absolute path; name it within the manifest’s folder');
  const path = await realPathWithin(folder, resolve(folder, file));
  const { size } = await stat(path);
  if (size > maxBytes) throw tooLarge(maxBytes);
  const bytes = await readFile(path);
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    url: `data:text/javascript;base64,${bytes.toString('base64')}`,
  };
}

/**
 * A plugin that is a package in a `node_modules` of the manifest's folder or above it. The hash is over every file of
 * it; its own dependencies are the lock file's business.
 * @throws {PluginFault} OUTSIDE, NOT_FOUND or TOO_LARGE
 */
export async function readPluginPackage(
  folder: string,
  name: string,
  maxBytes: number,
): Promise<PluginSource> {
  const found = findPackage(folder, name);
  if (found === undefined)
    throw new PluginFault('NOT_FOUND', `is no package in a node_modules of ${folder} or above it`);
  // What npm link and workspaces put there is kept elsewhere, by somebody else.
  const [home] = found.split(`${sep}node_modules${sep}`) as [string];
  const root = await realPathWithin(join(home, 'node_modules'), dirname(found));
  const sha256 = await hashFolder(root, maxBytes);
  const entry = entryOf(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as PackageJson);
  const path = await realPathWithin(root, resolve(root, entry));
  // A package that was replaced is another module.
  return { sha256, url: `${pathToFileURL(path).href}?sha256=${sha256}` };
}

function findPackage(folder: string, name: string): string | undefined {
  try {
    return findPackageJSON(name, pathToFileURL(join(folder, 'manifest')));
  } catch {
    return undefined;
  }
}

/** SHA-256 over the names and contents of all files, in the order of their names. */
async function hashFolder(root: string, maxBytes: number): Promise<string> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const hash = createHash('sha256');
  let bytes = 0;
  const link = entries.find((entry) => entry.isSymbolicLink());
  if (link) throw new PluginFault('OUTSIDE', `holds the symbolic link ${link.name}; a plugin has none`);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.toSorted((a, b) => (a < b ? -1 : 1))) {
    bytes += (await stat(file)).size;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    hash.update(`${relative(root, file).replaceAll(sep, '/')}\0${digest}\n`);
  }
  return hash.digest('hex');
}

interface PackageJson {
  readonly exports?: unknown;
  readonly main?: string;
}

/** `exports` as far as a plugin has them, or `main`. */
function entryOf({ exports, main }: PackageJson): string {
  let found: unknown = exports;
  for (const key of ['.', 'node', 'import', 'default'])
    if (typeof found === 'object' && found !== null && key in found)
      found = (found as Record<string, unknown>)[key];
  return typeof found === 'string' ? found : (main ?? 'index.js');
}

/** The real path. @throws {PluginFault} when it is not there or leads out of the folder, also by a symbolic link */
async function realPathWithin(folder: string, path: string): Promise<string> {
  const root = await realpath(folder);
  if (isOutside(folder, path)) throw new PluginFault('OUTSIDE', 'leads out of its folder');
  const real = await realpath(path).catch((error: unknown) => {
    throw new PluginFault('NOT_FOUND', `is not there: ${path}`, { cause: error });
  });
  if (isOutside(root, real)) throw new PluginFault('OUTSIDE', 'leads out of its folder by a symbolic link');
  return real;
}

function isOutside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}

function tooLarge(maxBytes: number): PluginFault {
  return new PluginFault('TOO_LARGE', `is larger than ${maxBytes} bytes; PLUGINS_MAX_BYTES allows more`);
}
