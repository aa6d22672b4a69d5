import type { ChildProcess } from 'node:child_process';

interface Handle {
  close(): void;
}

/**
 * Closes the connection that was on its way to a worker when that died. `node:cluster` hands connections over
 * one at a time and forgets the one that nobody takes: it stays open without an owner, and its client waits
 * for ever.
 */
export class HandedConnections {
  /** Who got a connection last: what a closing worker gives back goes to another. */
  readonly #owners = new WeakMap<Handle, ChildProcess>();

  watch(worker: ChildProcess): void {
    let last: Handle | undefined;
    const send = worker.send.bind(worker) as (...parameters: unknown[]) => boolean;
    worker.send = (...parameters: unknown[]): boolean => {
      const [message, handle] = parameters;
      if (isHandOver(message) && isHandle(handle)) {
        last = handle;
        this.#owners.set(handle, worker);
      }
      return send(...parameters);
    };
    worker.once('exit', () => {
      // One that was taken is closed on this side already; closing it again does nothing.
      if (last && this.#owners.get(last) === worker) last.close();
    });
  }
}

function isHandOver(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'act' in message && message.act === 'newconn';
}

function isHandle(handle: unknown): handle is Handle {
  return typeof handle === 'object' && handle !== null && 'close' in handle;
}
