import type { ServerResponse } from 'node:http';
import type { OpenCalls } from '../context/index.js';
import { shuttingDown } from '../errors/index.js';
import { isHttp2 } from './http2-request.js';

const EVENT_STREAM = /^content-type: *text\/event-stream/im;

/** Node's private field, the head of an answer: over HTTP/1.1 `getHeader` knows nothing that `writeHead` was given. */
type SentResponse = ServerResponse & { readonly _header?: string };

/** Ends the event streams among the calls: they have no end of their own, and their clients open them again elsewhere. */
export function endEventStreams(open: OpenCalls): void {
  for (const call of open)
    if (call.transport === 'http' && call.response && isEventStream(call.response))
      call.abort(shuttingDown());
}

function isEventStream(response: SentResponse): boolean {
  if (!response.headersSent) return false;
  const head = isHttp2(response.req)
    ? `content-type: ${String(response.getHeader('content-type'))}`
    : response._header;
  return EVENT_STREAM.test(head ?? '');
}
