import type { ServerResponse } from 'node:http';
import { constants, type Http2ServerResponse } from 'node:http2';
import type { Cut, HttpCall } from '../context/index.js';
import type { ServiceError } from '../errors/index.js';
import { isHttp2 } from './http2-request.js';

type Chunk = string | Uint8Array | null | undefined;

/**
 * Breaks an answer off: after some pieces of its body, in the middle of the next one, or after a time. The
 * connection is closed, as when the network fails; over HTTP/2, where others share it, the stream is reset.
 */
export function breakOff(
  response: ServerResponse,
  call: HttpCall,
  { afterMessages = Infinity, afterMs, apply }: Cut,
): void {
  const write = response.write.bind(response) as (chunk: Chunk, sent?: () => void) => boolean;
  const end = response.end.bind(response) as (...all: unknown[]) => ServerResponse;
  let pieces = 0;
  let isCut = false;
  const cut = (last?: Chunk): void => {
    if (isCut) return;
    isCut = true;
    call.error = apply() as ServiceError;
    if (last?.length) write(last.slice(0, Math.ceil(last.length / 2)), () => disconnect(response));
    else disconnect(response);
  };
  response.write = (chunk: Chunk, ...rest: unknown[]) => {
    if (!isCut && pieces++ < afterMessages) return (write as (...all: unknown[]) => boolean)(chunk, ...rest);
    cut(chunk);
    return false;
  };
  response.end = ((chunk: Chunk, ...rest: unknown[]) => {
    if (!isCut && pieces < afterMessages) return end(chunk, ...rest);
    cut(chunk);
    return response;
  }) as typeof response.end;
  if (afterMs === undefined) return;
  const timer = setTimeout(cut, afterMs);
  response.once('close', () => clearTimeout(timer));
}

function disconnect(response: ServerResponse): void {
  if (isHttp2(response.req))
    (response as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.socket?.destroy();
}
