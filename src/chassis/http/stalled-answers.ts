import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { OpenCalls } from '../context/index.js';
import { isHttp2 } from './http2-request.js';

/** How often it is looked for them, in milliseconds; oftener where the limit is short. */
const LOOK_MS = 1000;

/**
 * Closes the connections of HTTP/1.1, plain and within TLS, whose clients do not read their answers: once nothing has moved for `limitMs`. Node's
 * own limit (`server.timeout`) is a timer for every request, set and cleared again at 1.4 % of a GET; here it is one for
 * those of whose answer something waits, which hardly any does.
 */
export function closeStalled(fastify: FastifyInstance, open: OpenCalls, limitMs: number): void {
  const watched = new WeakSet<Socket>();
  const look = setInterval(
    () => {
      for (const call of open) {
        const response = call.transport === 'http' ? call.response : undefined;
        if (!response?.socket || isHttp2(response.req)) continue;
        const { socket } = response;
        const waits = socket.writableLength > 0;
        if (waits === watched.has(socket)) continue;
        socket.setTimeout(waits ? limitMs : 0);
        if (waits) watched.add(socket);
        else watched.delete(socket);
      }
    },
    Math.min(LOOK_MS, Math.ceil(limitMs / 4)),
  ).unref();
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(look);
    done();
  });
}
