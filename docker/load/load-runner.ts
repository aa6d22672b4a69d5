import { setTimeout as sleep } from 'node:timers/promises';

/** Something that can be called again and again. */
export interface Call {
  /** Such as `GET /v1/things/{id}`. */
  readonly name: string;
  /** How often it is chosen, beside the others. */
  readonly weight: number;
  /** Makes one call, wrong on purpose or not; resolves to how it ended, such as `404`. */
  run(isWrong: boolean): Promise<string>;
}

/** Calls under way at most: a service that hangs does not make this one grow. */
const MAX_OPEN = 100;

/** Makes calls at a steady rate and counts how they ended. */
export class LoadRunner {
  readonly #calls: readonly Call[];
  readonly #options: { readonly rate: number; readonly errorRatio: number };
  readonly #open = new Set<Promise<void>>();
  #counts: Record<string, number> = {};

  constructor(calls: readonly Call[], options: { readonly rate: number; readonly errorRatio: number }) {
    this.#calls = calls.flatMap((call) => Array.from({ length: call.weight }, () => call));
    this.#options = options;
  }

  /** Resolves when the signal was given and the last call has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const begin = performance.now();
    for (let made = 0; !signal.aborted; made++) {
      const due = begin + (made * 1000) / this.#options.rate;
      await sleep(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) this.#begin();
    }
    await Promise.all(this.#open);
  }

  /** Calls since the last time, by how they ended. */
  takeCounts(): Readonly<Record<string, number>> {
    const counts = this.#counts;
    this.#counts = {};
    return counts;
  }

  #begin(): void {
    const call = this.#calls[Math.floor(Math.random() * this.#calls.length)];
    if (!call) return;
    if (this.#open.size >= MAX_OPEN) return this.#count('left out: too many calls are open');
    const run = call
      .run(Math.random() < this.#options.errorRatio)
      .then((end) => this.#count(end))
      .finally(() => this.#open.delete(run));
    this.#open.add(run);
  }

  #count(end: string): void {
    this.#counts[end] = (this.#counts[end] ?? 0) + 1;
  }
}
