import { hash, randomBytes } from 'node:crypto';

/** What an API key says of itself: `<prefix>_<id>_<secret>`; the id finds its entry. */
const API_KEY = /^[a-z0-9]{1,16}_([a-z0-9]{8,32})_[A-Za-z0-9]{43}$/;
const SECRET_BYTES = 32;
const ID_BYTES = 6;
const SECRET_LENGTH = 43;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A new key and what the service keeps of it. */
export interface NewApiKey {
  readonly id: string;
  /** Shown once, to its owner; stored nowhere. */
  readonly key: string;
  readonly sha256: string;
}

/** A key of 256 random bits. So much needs no slow hash: SHA-256 of it cannot be guessed. */
export function createApiKey(prefix: string): NewApiKey {
  const id = randomBytes(ID_BYTES).toString('hex');
  const key = `${prefix}_${id}_${toBase62(randomBytes(SECRET_BYTES))}`;
  if (readApiKeyId(key) === undefined)
    throw new TypeError('The prefix must be 1 to 16 letters a-z or digits');
  return { id, key, sha256: hash('sha256', key) };
}

/** The id within a key; `undefined` for what is no key. */
export function readApiKeyId(key: string): string | undefined {
  return API_KEY.exec(key)?.[1];
}

/** Letters and digits only, so that a double click selects the whole key. */
function toBase62(bytes: Buffer): string {
  let rest = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  while (text.length < SECRET_LENGTH) {
    text = `${DIGITS[Number(rest % 62n)]}${text}`;
    rest /= 62n;
  }
  return text;
}
