import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { z } from 'zod';
import { readRegularFile } from '../read-regular-file.js';
import { tooLarge, unreadable } from './read-text.js';

/** PEM files; an empty path stands for none. */
export interface StoreTls {
  readonly caFile: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface StoreRequest {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Longest wait for the beginning of the answer, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Asks a store over HTTP. It is Node's own client: the primary of several workers loads nothing more for it, and its
 * requests are no outgoing calls of the service that anybody traces or counts.
 */
export class StoreClient {
  readonly #agent: HttpAgent;
  readonly #request: typeof requestHttp;

  /** @throws {ConfigError} when a PEM file cannot be read */
  constructor(
    private readonly base: string,
    tls: StoreTls,
  ) {
    const isTls = base.startsWith('https:');
    this.#request = isTls ? requestHttps : requestHttp;
    this.#agent = isTls
      ? new HttpsAgent({ keepAlive: true, ...material(tls) })
      : new HttpAgent({ keepAlive: true });
  }

  /** The answer once it begins, whatever its status. */
  async open(
    path: string,
    { method, headers, body, signal, timeoutMs }: StoreRequest,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = this.#request(
      new URL(path, this.base),
      { method, headers, signal, agent: this.#agent },
      resolve,
    );
    request.once('error', reject);
    request.setTimeout(0);
    const limit = setTimeout(
      () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    ).unref();
    request.end(body);
    try {
      return await promise;
    } finally {
      clearTimeout(limit);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

export interface AnswerLimits {
  readonly maxBytes: number;
  /** Longest wait for the rest of the answer once it has begun, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * All of an answer.
 * @throws {ConfigError} when it is larger than `maxBytes`
 */
export async function readAll(
  source: string,
  answer: IncomingMessage,
  { maxBytes, timeoutMs }: AnswerLimits,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const limit = setTimeout(
    () => answer.destroy(new Error(`no whole answer within ${timeoutMs} ms`)),
    timeoutMs,
  ).unref();
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(source, bytes, maxBytes);
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(limit);
  }
  return Buffer.concat(chunks).toString();
}

/** What a store answers. @throws {Error} that shows nothing of it, where it is something else */
export function parseAnswer<Schema extends z.ZodType>(text: string, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(parseJson(text), { jitless: true });
  if (result.success) return result.data;
  throw new Error('its answer is not what such a store says (is the address right?)');
}

/** @throws {Error} that shows nothing of the text, where Node's own shows its begin */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('its answer is no JSON (is the address right?)');
  }
}

function material({ caFile, certFile, keyFile }: StoreTls): Record<string, string> {
  const files = { ca: caFile, cert: certFile ?? '', key: keyFile ?? '' };
  const set = Object.entries(files).filter(([, path]) => path !== '');
  return Object.fromEntries(set.map(([name, path]) => [name, readPem(path)]));
}

function readPem(path: string): string {
  try {
    return readRegularFile(path).toString();
  } catch (error) {
    throw unreadable(path, error);
  }
}
