import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { parseRetryAfter } from '../errors/index.js';
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
  answer: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<unknown> {
  const text = await readText(answer, maxBytes);
  if (text === undefined) throw upstreamAnswerTooLarge(upstream);
  try {
    return parse(text, answer);
  } catch (error) {
    throw upstreamAnswerMalformed(upstream, error);
  }
}

/** What an answer that is no success becomes: its status counts, also where its body is no good. */
export async function refusalOf(
  upstream: string,
  answer: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<UpstreamError> {
  // One that is cut has its status all the same; why the call itself has ended is known elsewhere.
  const text = (await readText(answer, maxBytes).catch(() => undefined)) ?? '';
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], Date.now());
  return new UpstreamError(upstream, answer.statusCode, parseOrKeep(text, answer), undefined, retryAfterMs);
}

/** A byte order mark is no JSON, yet may be before it: RFC 8259, 8.1. @throws {SyntaxError} for JSON that is none */
function parse(text: string, { headers }: Dispatcher.ResponseData): unknown {
  if (text === '') return undefined;
  const isJson = /\bjson\b/i.test(String(headers['content-type'] ?? ''));
  return isJson ? (JSON.parse(text.replace(/^\uFEFF/, '')) as unknown) : text;
}

function parseOrKeep(text: string, answer: Dispatcher.ResponseData): unknown {
  try {
    return parse(text, answer);
  } catch {
    // Such as the page of a proxy.
    return text;
  }
}

/** `undefined` when it is longer than `maxBytes`. */
async function readText(
  { headers, body }: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<string | undefined> {
  const announced = Number(headers['content-length'] ?? 0);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Whoever leaves a body knows why it ended.
  body.on('error', ignore);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // The answer to a HEAD announces what it does not have.
    if (Math.max(bytes, announced) > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** For errors of a body: whoever reads or sends it is told; where nobody does they must not bring the process down. */
export function ignore(): void {}
