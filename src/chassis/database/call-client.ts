import type { PoolClient, QueryResult } from 'pg';
import { currentLimits, disturbanceOf, type Limits } from '../context/index.js';
import { ServiceError } from '../errors/index.js';
import { isOfFailedTransaction, isShortage, toDatabaseError } from './database-errors.js';
import type { Engine } from './engine.js';
import { untilLost } from './lost-connections.js';
import { failQuerySpan, startQuerySpan } from './query-span.js';

/** They end what was begun, so they run whatever became of the call: the connection must go back clean. */
const ENDS_TRANSACTION = /^\s*(commit|rollback|release|end|abort)\b/i;

/** Whoever sets the server's time limit waits as long as that is. */
const SETS_TIME_LIMIT = /\bstatement_timeout\b/i;

/** A checked-out connection whose queries live no longer than the call, or the attempt, that they work for. */
export class CallClient {
  #isLost = false;
  #hasOwnTimeLimit = false;
  #failure: unknown;

  constructor(
    private readonly client: PoolClient,
    private readonly engine: Engine,
  ) {}

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
      const sent = this.client.query(text, parameters as unknown[]);
      const running = signal && limits?.remainingMs !== Infinity ? sent : this.#untilLost(sent, text, limits);
      const result = await (signal ? this.#untilAborted(running, signal) : running);
      span?.end();
      return result;
    } catch (error) {
      failQuerySpan(span, error);
      const translated = toDatabaseError(this.#withCause(error));
      const isAway = translated instanceof ServiceError && translated.code === 'UNAVAILABLE';
      this.#isLost ||= isSent && isAway && !isShortage(error);
      throw limits?.abortReason ?? translated;
    }
  }

  /** A server that shuts down says so before its socket closes; the pool must not hand that one out again. */
  release(destroy = false): void {
    this.client.release(destroy || this.#isLost);
  }

  /** In a failed transaction the server says no more than that it has failed; why, it said before. */
  #withCause(error: unknown): unknown {
    if (isOfFailedTransaction(error)) error.cause ??= this.#failure;
    else this.#failure = error;
    return error;
  }

  /** A query that was done all the same keeps its result: what follows it knows the true state. */
  async #untilAborted(running: Promise<QueryResult>, signal: AbortSignal): Promise<QueryResult> {
    const { cancel } = this.engine;
    if (!cancel) return running;
    let cancelled: Promise<void> | undefined;
    const onAbort = () => void (cancelled = cancel(this.client, running));
    signal.addEventListener('abort', onAbort);
    try {
      return await running;
    } finally {
      signal.removeEventListener('abort', onAbort);
      // Not before the request is through: the next query on this connection must not be its victim.
      await cancelled;
    }
  }

  /** What no deadline ends: a peer that vanished must not keep the connection, and with it a place in the pool. */
  #untilLost(running: Promise<QueryResult>, text: string, limits: Limits | undefined): Promise<QueryResult> {
    const { statementTimeout } = this.engine;
    this.#hasOwnTimeLimit ||= SETS_TIME_LIMIT.test(text);
    if (!statementTimeout || this.#hasOwnTimeLimit) return running;
    return untilLost(this.client, running, statementTimeout.patienceMs(limits?.remainingMs));
  }
}
