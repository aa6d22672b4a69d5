import { StreamableFile } from '@nestjs/common';
import { isWebResponse, listenForStreamError } from '@nestjs/core/router/streaming-body.js';
import { Readable } from 'node:stream';

/** What a handler of REST answers with a stream in it: a file, or a `Response`; `undefined` for all else. */
export function bodyOf(answer: unknown): AsyncIterable<unknown> | undefined {
  if (answer instanceof StreamableFile) return answer.getStream();
  return isWebResponse(answer) ? (answer.body ?? undefined) : undefined;
}

/** The same answer, whose bytes come from `body`. */
export function withBody(answer: unknown, body: AsyncIterable<unknown>): unknown {
  if (answer instanceof StreamableFile) {
    const { readableObjectMode: objectMode, readableHighWaterMark: highWaterMark } = answer.getStream();
    const stream = Readable.from(body, { objectMode, highWaterMark });
    listenForStreamError(stream);
    answer.getStream = () => stream;
    return answer;
  }
  return Object.defineProperty(answer as Response, 'body', { value: ReadableStream.from(body) });
}
