import type { PoolClient, QueryResult } from 'pg';
import { currentLimits, disturbanceOf } from '../context/index.js';
import { ServiceError } from '../errors/index.js';
import { toDatabaseError } from './database-errors.js';
import type { CancelQuery } from './engine.js';
import { failQuerySpan, startQuerySpan } from './query-span.js';

/** They end what was begun, so they run whatever became of the call: the connection must go back clean. */
const ENDS_TRANSACTION = /^\s*(commit|rollback|release|end|abort)\b/i;

/** A checked-out connection whose queries live no longer than the call, or the attempt, that they work for. */
export class CallClient {
  readonly #client: PoolClient;
  readonly #cancel: CancelQuery | undefined;
  #isLost = false;

  constructor(client: PoolClient, cancel: CancelQuery | undefined) {
    this.#client = client;
    this.#cancel = cancel;
  }

  async query(text: string, parameters: readonly unknown[]): Promise<QueryResult> {
    const limits = currentLimits();
    const signal = limits && !ENDS_TRANSACTION.test(text) ? limits.signal : undefined;
    signal?.throwIfAborted();
    const disturbance = signal && disturbanceOf('database');
    let isSent = false;
    const span = startQuerySpan(text);
    try {
      if (disturbance) await disturbance.begin();
      isSent = true;
      const running = this.#client.query(text, parameters as unknown[]);
      const result = await (signal ? this.#untilAborted(running, signal) : running);
      span?.end();
      return result;
    } catch (error) {
      failQuerySpan(span, error);
      const translated = toDatabaseError(error);
      this.#isLost ||= isSent && translated instanceof ServiceError && translated.code === 'UNAVAILABLE';
      throw limits?.abortReason ?? translated;
    }
  }

  /** A server that shuts down says so before its socket closes; the pool must not hand that one out again. */
  release(destroy = false): void {
    this.#client.release(destroy || this.#isLost);
  }

  /** A query that was done all the same keeps its result: what follows it knows the true state. */
  async #untilAborted(running: Promise<QueryResult>, signal: AbortSignal): Promise<QueryResult> {
    if (!this.#cancel) return running;
    const cancel = this.#cancel;
    let cancelled: Promise<void> | undefined;
    const onAbort = () => void (cancelled = cancel(this.#client, running));
    signal.addEventListener('abort', onAbort);
    try {
      return await running;
    } finally {
      signal.removeEventListener('abort', onAbort);
      // Not before the request is through: the next query on this connection must not be its victim.
      await cancelled;
    }
  }
}
