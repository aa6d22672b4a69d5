import { join } from 'node:path';
import { readRegularFile, type Config } from '../config/index.js';
import { StartError } from '../errors/index.js';

const IN_MEMORY = 'memory://';
const MIN_KEY_BYTES = 32;

/** Where audit files are: AUDIT_DIR, else beside the embedded database's files. */
export function auditDirectory(config: Config): string {
  const dataDir = config.get('DATA_DIR');
  return config.get('AUDIT_DIR') || join(dataDir === IN_MEMORY ? './data' : dataDir, 'audit');
}

/** The chain's secret. @throws {StartError} when the file cannot be read or is too short */
export function readAuditKey(path: string): Buffer | undefined {
  if (!path) return undefined;
  let key: Buffer;
  try {
    key = readRegularFile(path);
  } catch (error) {
    throw new StartError(`Cannot read AUDIT_KEY_FILE: ${(error as Error).message}`, { cause: error });
  }
  if (key.length >= MIN_KEY_BYTES) return key;
  throw new StartError(
    `AUDIT_KEY_FILE has ${key.length} bytes; a secret has at least ${MIN_KEY_BYTES}: openssl rand -out <file> 64`,
  );
}
