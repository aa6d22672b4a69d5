import type { Server, Socket } from 'node:net';
import type { Config } from '../config/index.js';
import { normalizeIp } from './normalize-ip.js';
import { TrustedProxies } from './trusted-proxies.js';

/** Why connections were closed, and how many. */
export class RefusedConnections {
  /** The server had as many as it may. */
  max = 0;
  /** Their address had as many as it may. */
  maxPerIp = 0;
  /** They reset too many streams. */
  streamResets = 0;
}

/**
 * Closes connections beyond a server's limits before a byte of them is read, and counts them: more than `max`, and
 * more of one address than MAX_CONNECTIONS_PER_IP, those of trusted proxies aside.
 */
export function limitConnections(
  server: Server,
  config: Config,
  max: number,
  refused: RefusedConnections,
): void {
  const maxPerIp = config.get('MAX_CONNECTIONS_PER_IP');
  const proxies = new TrustedProxies(config);
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
