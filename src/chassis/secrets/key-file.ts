import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { SecretError } from './encrypted-value.js';

const KEY_BYTES = 32;
const LINE = /^([\w.-]{1,64})\s+([\w-]{43})$/;
/** Its owner and its group may read it (a Kubernetes volume with fsGroup is 0440); nobody else may do anything. */
const FORBIDDEN_MODE = 0o037;

/** Keys by their id. */
export interface KeyRing {
  /** The id of the key that encrypts: the file's first. */
  readonly current: string;
  readonly keys: ReadonlyMap<string, Buffer>;
}

/**
 * The keys of a file, one a line: `<id> <32 bytes in base64url>`. The first encrypts, all decrypt; so a new key goes
 * to the top, and an old one stays until no value needs it. Empty lines and lines that begin with `#` say nothing.
 * @throws {SecretError} when it cannot be read, others may read it, or a line is wrong; no key is shown
 */
export function readKeyFile(path: string): KeyRing {
  const keys = new Map<string, Buffer>();
  for (const [index, line] of readPrivate(path).split('\n').entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const [, id, key] = LINE.exec(text) ?? [];
    if (id === undefined || key === undefined || Buffer.from(key, 'base64url').length !== KEY_BYTES)
      throw new SecretError(
        `${path}, line ${index + 1}, must be an id and a key: "npm run config -- generate-key" makes one`,
      );
    if (keys.has(id)) throw new SecretError(`${path}, line ${index + 1}: the id ${id} is there twice`);
    keys.set(id, Buffer.from(key, 'base64url'));
  }
  const [current] = keys.keys();
  if (current === undefined)
    throw new SecretError(`${path} has no key: "npm run config -- generate-key ${path}" makes one`);
  return { current, keys };
}

/** A line for a key file. @param id @default the day and a few random letters, such as 2027-01-31-k3f9 */
export function generateKeyLine(id = newId()): string {
  return `${id} ${randomBytes(KEY_BYTES).toString('base64url')}`;
}

function newId(): string {
  return `${new Date().toISOString().slice(0, 10)}-${randomBytes(2).toString('hex')}`;
}

function readPrivate(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw Object.assign(new Error(), { code: 'no regular file' });
    const mode = stats.mode & 0o777;
    if ((mode & FORBIDDEN_MODE) === 0) return readFileSync(path, 'utf8');
    throw new SecretError(
      `${path} has mode ${mode.toString(8).padStart(4, '0')}: others may use the keys. Run "chmod 600 ${path}"`,
    );
  } catch (error) {
    if (error instanceof SecretError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new SecretError(`${path} cannot be read (${code}). Set CONFIG_KEY_FILE to a readable file`, {
      cause: error,
    });
  }
}
