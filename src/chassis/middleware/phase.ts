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
  run(call: Call, context: unknown, second: unknown, third: unknown): unknown {
    const startedAt = performance.now();
    let result: unknown;
    try {
      result = this.#work.call(this.middleware, context, second, third);
    } catch (error) {
      throw this.#failed(call, startedAt, error, second);
    }
    if (result instanceof Promise) return this.#follow(result, call, startedAt, second);
    this.#ended(call, startedAt);
    return result;
  }

  #follow(promise: Promise<unknown>, call: Call, startedAt: number, second: unknown): Promise<unknown> {
    if (this.#isMessage) throw this.#failed(call, startedAt, this.#lateMessage(promise), second);
    return promise.then(
      (result) => {
        this.#ended(call, startedAt);
        return result;
      },
      (error: unknown) => {
        throw this.#failed(call, startedAt, error, second);
      },
    );
  }

  #ended(call: Call, startedAt: number): void {
    const seconds = (performance.now() - startedAt) / 1000;
    const { span } = call;
    this.series.durations.observe(seconds, span);
    // Messages are too many for events.
    if (span?.isRecording() === true && !this.#isMessage)
      this.event(call, { 'middleware.duration_ms': seconds * 1000 });
  }

  /** A refusal is the middleware's word, and so is the failure that `recover` lets pass; the rest is its fault. */
  #failed(call: Call, startedAt: number, error: unknown, second: unknown): unknown {
    this.series.durations.observe((performance.now() - startedAt) / 1000, call.span);
    if (this.phase === 'recover' && error === second) return error;
    const { code, reason } = toServiceError(error);
    if (code === 'INTERNAL') this.series.errors.inc();
    if (this.phase !== 'post') call.middleware = this.name;
    this.event(call, { 'error.type': reason });
    return error;
  }

  /** A span event `middleware.pre`, `middleware.recover` … on the call's span, if that is recorded. */
  event(call: Call, attributes: Record<string, string | number>): void {
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
