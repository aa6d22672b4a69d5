import { createHmac, hash } from 'node:crypto';

/** What the first entry of a chain has as the hash before it. */
export const GENESIS = '0'.repeat(64);

/** `,"hash":"` + 64 digits + `"}`: what stands behind the bytes that are hashed. */
const TAIL_BYTES = 75;
const LINE = /^\{"seq":(\d{1,15}),.*,"previous":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/s;

/** The hash of a line's bytes, 64 lower-case hexadecimal digits. */
export type Seal = (bytes: string | Buffer) => string;

/** Where a chain ends. */
export interface ChainState {
  /** Number of the last entry; 0 before the first. */
  readonly seq: number;
  /** Its hash. */
  readonly hash: string;
}

/** An entry as a line of the chain has it. */
export interface ChainLink extends ChainState {
  readonly previous: string;
}

/** SHA-256, or HMAC-SHA-256 with `key`: then nobody without it can make a chain anew. */
export function createSeal(key?: Buffer): Seal {
  if (!key) return (bytes) => hash('sha256', bytes, 'hex');
  return (bytes) => createHmac('sha256', key).update(bytes).digest('hex');
}

/**
 * Puts entries at the end of a chain: one line each, `{"seq":…,<entry>,"previous":…,"hash":…}`. The hash
 * is that of all bytes before `,"hash"`, so what is checked is the text itself and no reading of it.
 * @param bodies JSON objects, as text
 */
export function extendChain(
  { seq, hash: last }: ChainState,
  bodies: readonly string[],
  seal: Seal,
): { readonly lines: readonly string[]; readonly end: ChainState } {
  let end: ChainState = { seq, hash: last };
  const lines = bodies.map((body) => {
    const sealed = `{"seq":${end.seq + 1},${body.slice(1, -1)},"previous":"${end.hash}"`;
    end = { seq: end.seq + 1, hash: seal(sealed) };
    return `${sealed},"hash":"${end.hash}"}`;
  });
  return { lines, end };
}

/** What a line says of its place in the chain, `undefined` when it is none. */
export function readLink(line: Buffer): ChainLink | undefined {
  const match = LINE.exec(line.toString('latin1'));
  return match ? { seq: Number(match[1]), previous: match[2] ?? '', hash: match[3] ?? '' } : undefined;
}

/** The bytes of a line that its hash is made of. */
export function sealedBytes(line: Buffer): Buffer {
  return line.subarray(0, -TAIL_BYTES);
}
