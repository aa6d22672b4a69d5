/** Counts the calls that hold a middleware in their plan, so that it ends after the last of them. */
export class Usage {
  #calls = 0;
  #onIdle: (() => void) | undefined;

  /** Calls that have begun with it and have not ended. */
  get calls(): number {
    return this.#calls;
  }

  enter(): void {
    this.#calls += 1;
  }

  leave(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#onIdle?.();
  }

  /** Resolves with true when no call holds it, with false after `limitMs`. No new call may come. */
  async idle(limitMs: number): Promise<boolean> {
    if (this.#calls === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), limitMs);
    timer.unref();
    this.#onIdle = () => resolve(true);
    const isIdle = await promise;
    clearTimeout(timer);
    return isIdle;
  }
}
