import type { PoolClient } from 'pg';
import { untilLost } from './lost-connections.js';

/** The server gives a query up this long after the longest deadline, should cancelling it fail. */
const GRACE_MS = 5000;
/** PostgreSQL's longest. */
const MAX_MS = 2 ** 31 - 1;

/** How long the server lets a query run: a little longer than whoever sent it waits for it. */
export class StatementTimeout {
  /** What connections begin with, in milliseconds. */
  readonly usualMs: number;
  /** Those that have another one. */
  readonly #raised = new WeakMap<PoolClient, number>();

  /** @param maxDeadlineMs longest deadline of a unary call */
  constructor(maxDeadlineMs: number) {
    this.usualMs = maxDeadlineMs + GRACE_MS;
  }

  /**
   * Before the first query on a connection that was just taken: the run of a job may last longer than any call, and then
   * its queries may. Costs one query where the connection served shorter work before, or longer; nothing otherwise.
   * @param remainingMs what is left of the work that took it
   */
  fit(client: PoolClient, remainingMs: number): Promise<void> | undefined {
    const hasMs = this.#raised.get(client) ?? this.usualMs;
    const isLong = Number.isFinite(remainingMs) && remainingMs + GRACE_MS > this.usualMs;
    const needsMs = isLong ? Math.min(Math.ceil(remainingMs) + GRACE_MS, MAX_MS) : this.usualMs;
    if (isLong ? hasMs >= needsMs : hasMs === needsMs) return undefined;
    return this.#set(client, needsMs, isLong);
  }

  /**
   * How long to wait for an answer that nothing else ends, in milliseconds: beyond it there is none, since the server
   * would have given the query up before.
   * @param remainingMs what is left of the work that the query ends
   */
  patienceMs(remainingMs = Infinity): number {
    return Math.min((Number.isFinite(remainingMs) ? remainingMs : this.usualMs) + GRACE_MS, MAX_MS);
  }

  async #set(client: PoolClient, needsMs: number, isLong: boolean): Promise<void> {
    await untilLost(client, client.query(`set statement_timeout = ${needsMs}`), this.patienceMs());
    if (isLong) this.#raised.set(client, needsMs);
    else this.#raised.delete(client);
  }
}
