import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from './engine.js';

const POLL_MS = 10;

/**
 * Closes an engine that gets no more work; resolves when its last query is through. node-postgres' pool forgets who
 * waits for a connection once it ends, so those have to get theirs first; DATABASE_CONNECT_TIMEOUT_MS ends their wait.
 */
export async function drain(engine: Engine): Promise<void> {
  while (engine.pool.waitingCount > 0) await delay(POLL_MS);
  await engine.close();
}
