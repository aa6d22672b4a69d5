import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/**
 * The bytes of a regular file. A pipe, for which the system waits until somebody writes to it, and a device, which may
 * never end, are refused.
 * @param check is given the file's size before it is read, and throws where it is too much
 * @throws an error whose `code` is the system's, such as `ENOENT`, or `no regular file`
 */
export function readRegularFile(path: string, check?: (bytes: number) => void): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    // Of a folder the system says so itself.
    if (!stats.isFile() && !stats.isDirectory())
      throw Object.assign(new Error(`no regular file: ${path}`), { code: 'no regular file' });
    check?.(stats.size);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
