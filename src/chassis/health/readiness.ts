import { Injectable } from '@nestjs/common';

const STARTING = 'starting';
const DRAINING = 'draining';

/**
 * Whether this instance wants calls, and why it does not: the one state that `/readyz` and
 * `grpc.health.v1` both answer from. It is ready while no reason stands against it.
 */
@Injectable()
export class Readiness {
  readonly #listeners: ((isReady: boolean) => void)[] = [];
  readonly #reasons = new Set([STARTING]);
  #hasStarted = false;

  get isReady(): boolean {
    return this.#reasons.size === 0;
  }

  /** True from the first `set(true)`. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** True from the beginning of the shutdown. */
  get isDraining(): boolean {
    return this.#reasons.has(DRAINING);
  }

  /** What stands against it, such as `draining` or `database is down`, in the order in which it came. */
  get reasons(): readonly string[] {
    return [...this.#reasons];
  }

  /** Calls `listener` now and on every change between ready and not ready. */
  onChange(listener: (isReady: boolean) => void): void {
    this.#listeners.push(listener);
    listener(this.isReady);
  }

  /** The life cycle's word: `true` at the end of the start, `false` when a drain begins. */
  set(isReady: boolean): void {
    if (isReady) this.#hasStarted = true;
    this.#change(() => {
      if (!isReady) this.#reasons.add(this.#hasStarted ? DRAINING : STARTING);
      else for (const reason of [STARTING, DRAINING]) this.#reasons.delete(reason);
    });
  }

  /** Takes the instance out until `restore` is called with the same reason; again has no further effect. */
  withdraw(reason: string): void {
    this.#change(() => this.#reasons.add(reason));
  }

  /** Takes a reason away; the instance is ready again when it was the last one. */
  restore(reason: string): void {
    this.#change(() => this.#reasons.delete(reason));
  }

  #change(apply: () => void): void {
    const before = this.isReady;
    apply();
    if (this.isReady === before) return;
    for (const listener of this.#listeners) listener(this.isReady);
  }
}
