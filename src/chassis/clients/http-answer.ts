import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { parseRetryAfter } from './retry-after.js';
import { UpstreamError } from './upstream-error.js';
import { upstreamAnswerMalformed, upstreamAnswerTooLarge } from './upstream-failures.js';

/** An answer whose body is read as it comes. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** To be read to its end, or destroyed: until then it holds its connection. */
  readonly body: Readable;
}

/** The body, parsed when it is JSON, `undefined` when there is none. @throws {ServiceError} when it is no good */
export async function readAnswer(
  upstream: string,
  { headers, body }: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<unknown> {
  const text = await readText(upstream, body, Number(headers['content-length'] ?? 0), maxBytes);
  if (text === '') return undefined;
  if (!/\bjson\b/.test(String(headers['content-type'] ?? ''))) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw upstreamAnswerMalformed(upstream, error);
  }
}

/** What an answer that is no success becomes. */
export async function refusalOf(
  upstream: string,
  answer: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<UpstreamError> {
  const body = await readAnswer(upstream, answer, maxBytes);
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], Date.now());
  return new UpstreamError(upstream, answer.statusCode, body, undefined, retryAfterMs);
}

async function readText(
  upstream: string,
  body: Dispatcher.ResponseData['body'],
  announced: number,
  maxBytes: number,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const refuse = (): never => {
    body.on('error', ignore).destroy();
    throw upstreamAnswerTooLarge(upstream);
  };
  if (announced > maxBytes) refuse();
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) refuse();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Whoever destroys a body knows why it ended. */
function ignore(): void {
  // Nothing is left to be told.
}
