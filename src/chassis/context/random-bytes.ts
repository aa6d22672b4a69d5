import { randomFillSync } from 'node:crypto';

/** Fetched at once: one call into OpenSSL costs as much as thousands of bytes. */
const POOL_BYTES = 16_384;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/** Fills `target`, of at most 16 KiB, with bytes that nobody can foresee. */
export function fillRandom(target: Uint8Array): void {
  if (used + target.length > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  target.set(pool.subarray(used, used + target.length));
  used += target.length;
}
