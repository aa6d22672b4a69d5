import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { CancelQuery } from './engine.js';

/** Waits after the first, the second and the third request; then the connection is given up. */
const PATIENCE_MS = [100, 400, 2000];

/** The members of node-postgres that a cancel request needs and its types leave out. */
interface Wire extends pg.Connection {
  readonly sslNegotiation: string;
  connect(port: number, host: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}
type BackendKey = { readonly processID: number; readonly secretKey: number };

/**
 * Cancels by the protocol's CancelRequest rather than by pg_cancel_backend(): it needs no free
 * connection, no login and no pid of the server's own, so it also works through PgBouncer and when
 * the server is full.
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export function createCancel(config: pg.ClientConfig, timeoutMs: number): CancelQuery {
  return async (client, running) => {
    let isRunning = true;
    const end = () => void (isRunning = false);
    const settled = running.then(end, end);
    // More than one request: one that overtakes its query reaches an idle backend, which ignores it.
    for (const patienceMs of PATIENCE_MS) {
      if (!isRunning) return;
      await sendCancelRequest(config, client as unknown as BackendKey, timeoutMs);
      await Promise.race([settled, delay(patienceMs, undefined, { ref: false })]);
    }
    if (isRunning) client.connection.stream.destroy();
    await settled;
  };
}

/**
 * Resolves when the socket has closed. The server closes it after it signalled the backend, so
 * from then on the request cannot hit a later query. A failure counts as a request without effect.
 */
function sendCancelRequest(config: pg.ClientConfig, key: BackendKey, timeoutMs: number): Promise<void> {
  const peer = new pg.Client(config);
  const wire = peer.connection as Wire;
  const cancel = () => wire.cancel(key.processID, key.secretKey);
  return new Promise((resolve) => {
    const timer = setTimeout(() => wire.stream.destroy(), timeoutMs);
    // The request is encrypted as the connection is: its key would let anybody cancel for us.
    if (!peer.ssl) wire.once('connect', cancel);
    else if (wire.sslNegotiation !== 'direct') wire.once('connect', () => wire.requestSsl());
    wire.once('sslconnect', cancel);
    // 'close' follows; the caller sees whether the query ended, and tries again.
    wire.on('error', () => wire.stream.destroy());
    wire.once('end', () => {
      clearTimeout(timer);
      resolve();
    });
    const isSocketFile = peer.host.startsWith('/');
    if (isSocketFile) wire.connect(`${peer.host}/.s.PGSQL.${peer.port}` as unknown as number, '');
    else wire.connect(peer.port, peer.host);
  });
}
