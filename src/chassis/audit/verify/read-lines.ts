import { createReadStream } from 'node:fs';

const LINE_BREAK = 10;
/** Longer than any entry. */
const MAX_LINE_BYTES = 1024 * 1024;

/** A line without its break; `isComplete` is false for the last one when the file ends amid it. */
export interface FileLine {
  readonly bytes: Buffer;
  readonly isComplete: boolean;
}

/** The lines of a file, in bounded memory: of one that is too long only its beginning is given. */
export async function* readLines(path: string): AsyncGenerator<FileLine> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let begin = 0;
    for (let end = bytes.indexOf(LINE_BREAK); end !== -1; end = bytes.indexOf(LINE_BREAK, begin)) {
      yield { bytes: bytes.subarray(begin, end), isComplete: true };
      begin = end + 1;
    }
    rest = bytes.subarray(begin, begin + MAX_LINE_BYTES);
  }
  if (rest.length > 0) yield { bytes: rest, isComplete: false };
}
