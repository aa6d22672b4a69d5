import type { Server, Socket } from 'node:net';
import { normalizeIp } from './normalize-ip.js';
import type { TrustedProxies } from './trusted-proxies.js';

export interface ConnectionLimitOptions {
  /** Most connections of the server. */
  readonly max: number;
  /** Most connections of one address, those of trusted proxies aside; 0 = no limit. */
  readonly maxPerIp: number;
  readonly proxies: TrustedProxies;
}

/** Why connections were closed, and how many. */
export class RefusedConnections {
  /** The server had as many as it may. */
  max = 0;
  /** Their address had as many as it may. */
  maxPerIp = 0;
  /** They reset too many streams. */
  streamResets = 0;
}

/** Closes connections beyond a server's limits before a byte of them is read, and counts them. */
export function limitConnections(
  server: Server,
  { max, maxPerIp, proxies }: ConnectionLimitOptions,
  refused: RefusedConnections,
): void {
  server.maxConnections = max;
  // A worker that is full would hand the connection on for ever when all of them are.
  Object.assign(server, { dropMaxConnection: true });
  server.on('drop', () => (refused.max += 1));
  if (maxPerIp === 0) return;
  const open = new Map<string, number>();
  // Before the listener that begins to serve it.
  server.prependListener('connection', (socket: Socket) => {
    const ip = normalizeIp(socket.remoteAddress ?? '');
    if (ip === undefined || proxies.trusts(ip)) return;
    const count = (open.get(ip) ?? 0) + 1;
    open.set(ip, count);
    socket.once('close', () => leave(open, ip));
    if (count <= maxPerIp) return;
    refused.maxPerIp += 1;
    socket.destroy();
  });
}

function leave(open: Map<string, number>, ip: string): void {
  const count = (open.get(ip) ?? 1) - 1;
  if (count > 0) open.set(ip, count);
  else open.delete(ip);
}
