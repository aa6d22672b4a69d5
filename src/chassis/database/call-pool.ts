import type { Pool, PoolClient } from 'pg';
import { currentLimits } from '../context/index.js';
import { CallClient } from './call-client.js';
import { toDatabaseError, unavailable } from './database-errors.js';
import type { Engine } from './engine.js';

/** The pool as Kysely sees it: waiting for a connection ends with the call, or the attempt, that waits. */
export class CallPool {
  #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** From now on connections come from this one; those that are out, or waited for, stay where they are. */
  use(engine: Engine): void {
    this.#engine = engine;
  }

  get options(): Pool['options'] {
    return this.#engine.pool.options;
  }

  async connect(): Promise<CallClient> {
    const limits = currentLimits();
    const signal = limits?.signal;
    signal?.throwIfAborted();
    const engine = this.#engine;
    const { pool, statementTimeout } = engine;
    const connecting = pool.connect();
    const client = await (signal ? untilAborted(connecting, signal) : connecting).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : unavailable(error);
    });
    try {
      const fitting = statementTimeout?.fit(client, limits?.remainingMs ?? 0);
      if (fitting) await fitting;
    } catch (error) {
      client.release(true);
      throw toDatabaseError(error);
    }
    return new CallClient(client, engine);
  }

  end(): Promise<void> {
    return this.#engine.pool.end();
  }
}

function untilAborted(connecting: Promise<PoolClient>, signal: AbortSignal): Promise<PoolClient> {
  return new Promise((resolve, reject) => {
    let isWaiting = true;
    const onAbort = () => {
      isWaiting = false;
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    connecting
      // The pool cannot take a waiter back; the connection that comes too late returns at once.
      .then((client) => (isWaiting ? resolve(client) : client.release()), reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
