import { randomBytes } from 'node:crypto';

/** A call that can be found again. */
export interface MarkedCall {
  readonly traceId: string;
  readonly requestId: string;
  /** When it began, in milliseconds since 1970. */
  readonly at: number;
}

/**
 * Makes one REST call, for a path that no service has: it needs no feature and changes nothing, and the service
 * counts, logs and traces it as any other. `tracestate: keep=1` is what the collector's sampling never drops.
 * @throws Error that says what to do when nobody answers
 */
export async function makeMarkedCall(serviceUrl: string): Promise<MarkedCall> {
  const call = {
    traceId: randomBytes(16).toString('hex'),
    requestId: `stack-check-${randomBytes(4).toString('hex')}`,
    at: Date.now(),
  };
  const headers = {
    traceparent: `00-${call.traceId}-${randomBytes(8).toString('hex')}-01`,
    tracestate: 'keep=1',
    'x-request-id': call.requestId,
  };
  const response = await ask('the service', new URL('/stack-check', serviceUrl), { headers });
  const requestId = response.headers.get('x-request-id');
  if (requestId === call.requestId) return call;
  throw new Error(
    `${serviceUrl} answered ${response.status} without the x-request-id it got: is it this service?`,
  );
}

/** `fetch` with a time limit. @throws Error that names who does not answer, where, and what to do */
export async function ask(who: string, url: URL, options: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...options, signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    throw new Error(`${who} does not answer at ${url.origin} (${reason}): is the stack up? make stack-up`, {
      cause: error,
    });
  }
}
