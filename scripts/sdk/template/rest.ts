import createClient, { type Client } from 'openapi-fetch';
import { CallError, CODES, type Code, type Violation } from './call-error.js';
import { addHeaders, DEFAULT_TIMEOUT_MS, type ClientOptions } from './client-options.js';
import type { paths } from './schema.js';

export { CallError, type Code, type Violation } from './call-error.js';
export type { ClientOptions } from './client-options.js';
export type { components, operations, paths } from './schema.js';

const TIMEOUT = 'x-request-timeout-ms';

/** `rest.GET('/path', { params, signal })` and so on: https://openapi-ts.dev/openapi-fetch/api. */
export type RestClient = Client<paths>;

/** A client of the REST API. It runs wherever `fetch` does. */
export function createRestClient(options: ClientOptions): RestClient {
  return createClient<paths>({ baseUrl: options.baseUrl, fetch: (request) => send(request, options) });
}

/**
 * The body of a call's answer.
 * @throws CallError when the service refused the call, or could not be reached in time
 * @example `const order = await orThrow(rest.GET('/v1/orders/{id}', { params: { path: { id } } }));`
 */
export async function orThrow<Answer extends { data?: unknown; error?: unknown; response: Response }>(
  call: Promise<Answer>,
): Promise<DataOf<Answer>> {
  const { data, error, response } = await call;
  if (!response.ok) throw refused(response, error);
  return data as DataOf<Answer>;
}

type DataOf<Answer> = Answer extends { data: infer Data } ? Data : never;

async function send(request: Request, options: ClientOptions): Promise<Response> {
  const headers = new Headers(request.headers);
  await addHeaders(options, headers);
  if (!headers.has(TIMEOUT)) headers.set(TIMEOUT, String(options.timeoutMs ?? DEFAULT_TIMEOUT_MS));
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(Number(headers.get(TIMEOUT)))]);
  try {
    return await fetch(request, { headers, signal });
  } catch (thrown) {
    throw unreached(thrown, headers.get('x-request-id'));
  }
}

/** RFC 9457 problem details with the service's extensions. */
interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly requestId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly errors?: readonly Violation[];
}

function refused({ status, statusText, headers }: Response, body: unknown): CallError {
  const problem: Problem = typeof body === 'object' && body !== null ? body : {};
  const retryAfterS = Number(headers.get('retry-after') ?? Number.NaN);
  return new CallError({
    code: CODES.find((code) => code === problem.code) ?? 'UNKNOWN',
    message: problem.detail ?? problem.title ?? `HTTP ${status} ${statusText}`.trim(),
    reason: problem.reason,
    requestId: problem.requestId ?? headers.get('x-request-id') ?? undefined,
    status,
    metadata: problem.metadata,
    violations: problem.errors,
    retryAfterMs: Number.isNaN(retryAfterS) ? undefined : retryAfterS * 1000,
  });
}

function unreached(cause: unknown, requestId: string | null): CallError {
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  const codes: Readonly<Record<string, Code>> = {
    AbortError: 'CANCELLED',
    TimeoutError: 'DEADLINE_EXCEEDED',
  };
  return new CallError({
    code: codes[name] ?? 'UNAVAILABLE',
    message,
    requestId: requestId ?? undefined,
    cause,
  });
}
