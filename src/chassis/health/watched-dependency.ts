import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { whyOf } from '../errors/index.js';
import type { DependencyCheck } from './dependency-check.js';

/** A check that ignores its signal holds up the next one for this many time limits. */
const PATIENCE = 10;

/** Both in milliseconds. */
export interface CheckTimes {
  readonly timeoutMs: number;
  readonly intervalMs: number;
}

/** How the last check went. */
interface Outcome {
  readonly isUp: boolean;
  readonly message: string | undefined;
  readonly durationMs: number;
  /** On the clock of `performance.now()`. */
  readonly endedAt: number;
}

/**
 * Asks one dependency again and again in the background, never twice at a time, and keeps the last
 * answer: whoever wants to know has it at once, however long the dependency takes.
 */
export class WatchedDependency {
  readonly isCritical: boolean;
  readonly #times: CheckTimes;
  readonly #stop = new AbortController();
  #last: Outcome | undefined;
  #firstCheck: Promise<void> | undefined;

  constructor(
    private readonly definition: DependencyCheck,
    private readonly indicators: HealthIndicatorService,
    defaults: CheckTimes,
    /** Called after the first check and whenever another one has a different answer. */
    private readonly onChange: (dependency: WatchedDependency, isFirst: boolean) => void,
  ) {
    this.isCritical = definition.isCritical ?? true;
    this.#times = {
      timeoutMs: definition.timeoutMs ?? defaults.timeoutMs,
      intervalMs: definition.intervalMs ?? defaults.intervalMs,
    };
  }

  get name(): string {
    return this.definition.name;
  }

  get kind(): string {
    return this.definition.kind;
  }

  /** What the last check found; `undefined` before the first has ended. */
  get isUp(): boolean | undefined {
    return this.#last?.isUp;
  }

  /** Why it is down. */
  get message(): string | undefined {
    return this.#last?.message;
  }

  /** Begins to ask. Resolves when the first check has ended, after its time limit at the latest. */
  start(): Promise<void> {
    this.#firstCheck ??= new Promise((resolve) => void this.#watch(resolve));
    return this.#firstCheck;
  }

  /** Asks no more; a check that runs has no effect. */
  stop(): void {
    this.#stop.abort();
  }

  /** Its part of a Terminus body. */
  describe(): HealthIndicatorResult {
    const { isCritical } = this;
    const session = this.indicators.check(this.name);
    if (!this.#last) return session.down({ message: 'was not checked yet', isCritical });
    const { isUp, message, durationMs, endedAt } = this.#last;
    const ageMs = Math.round(performance.now() - endedAt);
    const facts = { isCritical, ageMs, durationMs, ...(message !== undefined && { message }) };
    if (isUp) return session.up(facts);
    return isCritical ? session.down(facts) : session.degraded(facts);
  }

  async #watch(afterFirst: () => void): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const settled = await this.#check();
      afterFirst();
      await this.#waitFor(settled);
      // The stop ends this wait by rejecting it.
      await sleep(this.#times.intervalMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  /** One check within its time limit; what it gives settles with the check itself. */
  async #check(): Promise<() => Promise<unknown>> {
    const { name, check } = this.definition;
    let running: Promise<unknown> | undefined;
    const begin = performance.now();
    const { [name]: found } = await this.indicators
      .check(name)
      .attempt((options) => {
        const checking = check(options).catch((error: unknown) => {
          throw new Error(whyOf(error), { cause: error });
        });
        running = checking.catch(() => undefined);
        return checking;
      })
      .withTimeout(this.#times.timeoutMs);
    if (!this.#stop.signal.aborted) this.#note(found?.status === 'up', found?.['message'], begin);
    return async () => running;
  }

  #note(isUp: boolean, message: unknown, begin: number): void {
    const before = this.#last?.isUp;
    const endedAt = performance.now();
    const durationMs = Math.round(endedAt - begin);
    this.#last = { isUp, message: typeof message === 'string' ? message : undefined, durationMs, endedAt };
    if (isUp !== before) this.onChange(this, before === undefined);
  }

  async #waitFor(settled: () => Promise<unknown>): Promise<void> {
    const patience = new AbortController();
    const limit = sleep(this.#times.timeoutMs * PATIENCE, undefined, { ref: false, signal: patience.signal });
    await Promise.race([settled(), limit.catch(() => undefined)]);
    patience.abort();
  }
}
