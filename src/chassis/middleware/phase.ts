import type { Call } from '../context/index.js';
import { toServiceError } from '../errors/index.js';
import type { CounterSeries, HistogramSeries } from '../metrics/index.js';
import type { CallMiddleware } from './call-middleware.js';

/** The phases of a call, as metrics and span events name them. */
export const PHASES = {
  preHandle: 'pre',
  recover: 'recover',
  postHandle: 'post',
  onMessageIn: 'message_in',
  onMessageOut: 'message_out',
} as const;
export type PhaseMethod = keyof typeof PHASES;
export type PhaseName = (typeof PHASES)[PhaseMethod];

export interface PhaseSeries {
  readonly durations: HistogramSeries;
  readonly errors: CounterSeries;
}

/** A call between two phases. One clock reading ends a phase and begins the next. */
export interface Passing {
  readonly call: Call;
  /** `performance.now()` at the end of what was before. */
  now: number;
}

type Work = (this: unknown, ...args: unknown[]) => unknown;

/** One phase of one middleware: runs it and says how long it took and whether it broke. */
export class Phase {
  readonly phase: PhaseName;
  readonly #work: Work;
  readonly #isMessage: boolean;

  constructor(
    private readonly name: string,
    private readonly middleware: CallMiddleware<never>,
    method: PhaseMethod,
    private readonly series: PhaseSeries,
  ) {
    this.#work = middleware[method] as Work;
    this.phase = PHASES[method];
    this.#isMessage = method === 'onMessageIn' || method === 'onMessageOut';
  }

  /** What the phase returns, or a promise of it. `second` and `third` as the phase has them. */
  run(passing: Passing, second: unknown, third: unknown): unknown {
    let result: unknown;
    try {
      result = this.#work.call(this.middleware, passing, second, third);
    } catch (error) {
      throw this.#failed(passing, error, second);
    }
    if (result instanceof Promise) return this.#follow(result, passing, second);
    this.#ended(passing);
    return result;
  }

  #follow(promise: Promise<unknown>, passing: Passing, second: unknown): Promise<unknown> {
    if (this.#isMessage) throw this.#failed(passing, this.#lateMessage(promise), second);
    return promise.then(
      (result) => {
        this.#ended(passing);
        return result;
      },
      (error: unknown) => {
        throw this.#failed(passing, error, second);
      },
    );
  }

  #ended(passing: Passing): void {
    const seconds = this.#measure(passing);
    const { call } = passing;
    // Messages are too many for events.
    if (call.span?.isRecording() === true && !this.#isMessage)
      this.#addEvent(call, { 'middleware.duration_ms': seconds * 1000 });
  }

  #measure(passing: Passing): number {
    const now = performance.now();
    const seconds = (now - passing.now) / 1000;
    passing.now = now;
    this.series.durations.observe(seconds, passing.call.span);
    return seconds;
  }

  /** A refusal is the middleware's word, and so is the failure that `recover` lets pass; the rest is its fault. */
  #failed(passing: Passing, error: unknown, second: unknown): unknown {
    const { call } = passing;
    this.#measure(passing);
    if (this.phase === 'recover' && error === second) return error;
    const { code, reason } = toServiceError(error);
    if (code === 'INTERNAL') this.series.errors.inc();
    if (this.phase !== 'post') call.middleware = this.name;
    this.#addEvent(call, { 'error.type': reason });
    return error;
  }

  /** A span event `middleware.pre`, `middleware.recover` … on the call's span, if that is recorded. */
  #addEvent(call: Call, attributes: Record<string, string | number>): void {
    const { span } = call;
    if (span?.isRecording() !== true) return;
    span.addEvent(`middleware.${this.phase}`, { 'middleware.name': this.name, ...attributes });
  }

  #lateMessage(promise: Promise<unknown>): TypeError {
    // Nobody waits for it.
    promise.catch(() => undefined);
    return new TypeError(
      `The middleware ${this.name} returned a promise for a message; that hook must not wait`,
    );
  }
}
