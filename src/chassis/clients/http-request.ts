import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Readable } from 'node:stream';
import { TIMEOUT_HEADER } from '../context/index.js';
import { isIdempotentVerb } from '../resilience/index.js';
import type { OutgoingCall } from './outgoing-call.js';

type Value = string | number | boolean;

export interface HttpClientRequest {
  readonly method: string;
  /** With parameters in braces: `/v1/payments/{id}`. */
  readonly path: string;
  /** Their values, escaped here. */
  readonly parameters?: object | undefined;
  /** A list is sent as several parameters of one name; `undefined` is left out. */
  readonly query?: object | undefined;
  readonly headers?: object | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is instead of `body`; a stream as it comes, and never again. */
  readonly content?: string | Uint8Array | Readable;
  /**
   * Whether it may be sent again.
   * @default when its method is idempotent, or it has an `idempotency-key`; a stream of content never is
   */
  readonly isIdempotent?: boolean;
}

/** What each attempt sends, the same every time. */
export interface PreparedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string | Uint8Array | Readable | null;
}

export function isIdempotent(request: HttpClientRequest): boolean {
  const { method, headers = {}, content } = request;
  if (content !== undefined && typeof content !== 'string' && !(content instanceof Uint8Array)) return false;
  if (request.isIdempotent !== undefined) return request.isIdempotent;
  if (isIdempotentVerb(method)) return true;
  return Object.entries(headers).some(
    ([name, value]) => name.toLowerCase() === 'idempotency-key' && value !== undefined,
  );
}

/** @throws {TypeError} when a parameter of the path is missing or would make it another path, or a header cannot be sent */
export function prepare(request: HttpClientRequest): PreparedRequest {
  const { method, body, content } = request;
  return {
    method,
    target: targetOf(request),
    headers: givenHeaders(request),
    content: content ?? (body === undefined ? null : JSON.stringify(body)),
  };
}

/** What the caller gives wins over what is always sent. @param limitMs what the other service is told */
export function headersOf(
  { headers }: PreparedRequest,
  outgoing: OutgoingCall,
  limitMs: number,
): Record<string, string> {
  const limit = limitMs === Infinity ? undefined : { [TIMEOUT_HEADER]: String(limitMs) };
  return { accept: 'application/json', ...outgoing.headers, ...limit, ...headers };
}

function targetOf({ path, parameters = {}, query = {} }: HttpClientRequest): string {
  const values = parameters as Readonly<Record<string, Value | undefined>>;
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => segmentOf(path, name, values[name]));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query as Record<string, Value | readonly Value[] | undefined>))
    for (const each of [value].flat()) if (each !== undefined) search.append(name, String(each));
  return search.size > 0 ? `${filled}?${search.toString()}` : filled;
}

function segmentOf(path: string, name: string, value: Value | undefined): string {
  const text = value === undefined ? '' : String(value);
  if (text === '' || text === '.' || text === '..')
    throw new TypeError(`"${name}" of ${path} is ${text || 'missing or empty'}: give what names one thing`);
  return encodeURIComponent(text);
}

function givenHeaders({ headers = {}, body }: HttpClientRequest): Record<string, string> {
  const given: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  for (const [name, value] of Object.entries(headers as Record<string, Value | undefined>)) {
    if (value === undefined) continue;
    const text = String(value);
    validateHeaderName(name);
    validateHeaderValue(name, text);
    given[name.toLowerCase()] = text;
  }
  return given;
}
