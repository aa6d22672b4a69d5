import type { Server } from 'node:net';

/**
 * How long connections of a server wait to be accepted. The system keeps them in a queue that nobody can look
 * into, and libuv takes one of them in each turn of the event loop: while every turn takes one, more are waiting.
 */
export class AcceptQueue {
  #hasAccepted = false;
  #emptyAt = 0;
  #turnedAt = 0;

  watch(server: Server): void {
    server.prependListener('connection', () => (this.#hasAccepted = true));
  }

  /** The event loop turns. @param idleMs of waiting since the last time */
  turned(nowMs: number, idleMs: number): void {
    if (!this.#hasAccepted || idleMs > 0) this.#emptyAt = nowMs;
    this.#hasAccepted = false;
    this.#turnedAt = nowMs;
  }

  /**
   * Milliseconds that what was accepted just now has waited before this turn: between none and all of the time
   * since the queue was empty, the more the faster it grows.
   */
  get waitMs(): number {
    return (this.#turnedAt - this.#emptyAt) / 2;
  }
}
