import { isUtf8 } from 'node:buffer';
import { ConfigError } from '../config-error.js';
import { readRegularFile } from '../read-regular-file.js';

/**
 * A file's text, if it is not larger than allowed.
 * @throws {ConfigError} naming `source`
 */
export function readText(source: string, path: string, maxBytes: number): string {
  try {
    const bytes = readRegularFile(path, (size) => {
      if (size > maxBytes) throw tooLarge(source, size, maxBytes);
    });
    return toText(source, bytes);
  } catch (error) {
    throw error instanceof ConfigError ? error : unreadable(source, error);
  }
}

/**
 * Without the byte order mark that some editors begin a text with. Read as UTF-8, any other encoding would give values
 * that nobody has written.
 * @throws {ConfigError} naming `source`
 */
export function toText(source: string, bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new ConfigError(`${source} is not UTF-8. Save it in that encoding.`);
  return bytes.toString().replace(/^\uFEFF/, '');
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
