import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** For how long, and for how much, a client is listened to that still sends what nobody reads. */
const LINGER_MS = 2000;
const LINGER_BYTES = 64 * 1024 * 1024;

/**
 * Lets the client of a request that is answered before its body has come read the answer: a socket that is closed with
 * bytes unread resets the connection, and most clients fail at that before they look for an answer. So only our side
 * ends, as in nginx (`lingering_close`), and what comes is dropped until the client closes, too.
 */
export function lingerAfter(request: IncomingMessage): void {
  const { socket, headers } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return;
  // Node's way to close a connection after its last answer.
  socket.destroySoon = () => {
    Reflect.deleteProperty(socket, 'destroySoon');
    if (request.complete || socket.destroyed) socket.destroySoon();
    else linger(socket);
  };
}

function linger(socket: Socket): void {
  let bytes = 0;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  // The parser among them: nothing that comes now is a request.
  socket.removeAllListeners('data');
  socket
    .on('data', ({ length }: Buffer) => {
      bytes += length;
      if (bytes > LINGER_BYTES) socket.destroy();
    })
    .once('end', () => socket.destroy())
    .once('close', () => clearTimeout(timer));
  socket.end();
  socket.resume();
}
