import { Injectable } from '@nestjs/common';

/** Whether this instance wants calls: from the end of its start until its shutdown begins. */
@Injectable()
export class Readiness {
  readonly #listeners: ((isReady: boolean) => void)[] = [];
  #hasStarted = false;
  #isReady = false;

  get isReady(): boolean {
    return this.#isReady;
  }

  /** True from the first time the instance was ready. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** Calls `listener` now and on every change. */
  onChange(listener: (isReady: boolean) => void): void {
    this.#listeners.push(listener);
    listener(this.#isReady);
  }

  set(isReady: boolean): void {
    if (isReady) this.#hasStarted = true;
    if (isReady === this.#isReady) return;
    this.#isReady = isReady;
    for (const listener of this.#listeners) listener(isReady);
  }
}
