import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { ConfigError } from '../config-error.js';

/**
 * A file's text, if it is not larger than allowed.
 * @throws {ConfigError} naming `source`
 */
export function readText(source: string, path: string, maxBytes: number): string {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const { size } = fstatSync(file);
    if (size > maxBytes) throw tooLarge(source, size, maxBytes);
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw error instanceof ConfigError ? error : unreadable(source, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** What the system says of a path that cannot be read. */
export function unreadable(source: string, error: unknown): ConfigError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  return new ConfigError(`${source} cannot be read (${code}). Make it a file that this process may read.`, {
    cause: error,
  });
}

export function tooLarge(source: string, bytes: number, maxBytes: number): ConfigError {
  return new ConfigError(
    `${source} has ${bytes} bytes, more than CONFIG_MAX_BYTES (${maxBytes}). Make it smaller, or raise that.`,
  );
}
