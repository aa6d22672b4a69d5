import type { Readable } from 'node:stream';

const LINE_BREAK = 10;

/**
 * Hands on what a worker writes in whole lines: several processes that write to one pipe themselves cut
 * into each other's lines beyond 4096 bytes. What a killed worker leaves of its last line ends with a break.
 */
export function relayLines(from: Readable, write: (lines: Buffer<ArrayBuffer>) => void): void {
  let rest = Buffer.alloc(0);
  from.on('data', (chunk: Buffer<ArrayBuffer>) => {
    const end = chunk.lastIndexOf(LINE_BREAK) + 1;
    if (end > 0)
      write(rest.length > 0 ? Buffer.concat([rest, chunk.subarray(0, end)]) : chunk.subarray(0, end));
    rest = end > 0 ? Buffer.from(chunk.subarray(end)) : Buffer.concat([rest, chunk]);
  });
  from.on('end', () => {
    if (rest.length > 0) write(Buffer.concat([rest, Buffer.of(LINE_BREAK)]));
  });
}
