import type { Logger } from '@nestjs/common';
import type { ShedReason } from './admission-rule.js';

/** An overload is over when nothing was refused for so long, in milliseconds: one line each, not one a second. */
const QUIET_MS = 10_000;

/** One line when calls begin to be refused, one when that is over; each refused call has its own line anyway. */
export class ShedLog {
  #beganAt: number | undefined;
  #lastAt = 0;
  #calls = 0;

  constructor(private readonly logger: Pick<Logger, 'log' | 'warn'>) {}

  shed(reason: ShedReason, nowMs: number, isObserved: boolean): void {
    this.#lastAt = nowMs;
    this.#calls += 1;
    if (this.#beganAt !== undefined) return;
    this.#beganAt = nowMs;
    this.logger.warn(
      { reason, observed: isObserved },
      'load shedding began: more calls come than can be done',
    );
  }

  /** To be called from time to time. */
  look(nowMs: number): void {
    if (nowMs - this.#lastAt >= QUIET_MS) this.end();
  }

  /** Nothing more will be refused. */
  end(): void {
    if (this.#beganAt === undefined) return;
    const duration_ms = Math.round(this.#lastAt - this.#beganAt);
    this.logger.log({ duration_ms, calls: this.#calls }, 'load shedding ended');
    this.#beganAt = undefined;
    this.#calls = 0;
  }
}
