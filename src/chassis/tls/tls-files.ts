import { createHash } from 'node:crypto';
import { listOf, readRegularFile, type Config } from '../config/index.js';

/** The keys that name files. */
const KEYS = [
  'TLS_CERT_FILE',
  'TLS_KEY_FILE',
  'TLS_KEY_PASSPHRASE_FILE',
  'TLS_CLIENT_CA_FILE',
  'TLS_CLIENT_CRL_FILE',
] as const;

export type FileKey = (typeof KEYS)[number];

/** One file as it was read. */
export interface ReadFile {
  readonly key: FileKey;
  readonly path: string;
  readonly text: string;
  /** Why it could not be read, such as `ENOENT`. */
  readonly fault?: string;
}

/** The files that TLS is made of, as configured. */
export function pathsOf(config: Config, key: FileKey): string[] {
  return listOf(config.get(key));
}

/** Every path of `pathsOf`, once. */
export function allPaths(config: Config): string[] {
  return [...new Set(KEYS.flatMap((key) => pathsOf(config, key)))];
}

/** Reads all of them; never throws. */
export function readFiles(config: Config): ReadFile[] {
  return KEYS.flatMap((key) => pathsOf(config, key).map((path) => read(key, path)));
}

/** The same for the same contents, whatever their times. */
export function digestOf(files: readonly ReadFile[]): string {
  const hash = createHash('sha256');
  for (const { path, text, fault = '' } of files) hash.update(JSON.stringify([path, text, fault]));
  return hash.digest('hex');
}

function read(key: FileKey, path: string): ReadFile {
  try {
    return { key, path, text: readRegularFile(path).toString() };
  } catch (error) {
    return { key, path, text: '', fault: (error as NodeJS.ErrnoException).code ?? 'unreadable' };
  }
}
