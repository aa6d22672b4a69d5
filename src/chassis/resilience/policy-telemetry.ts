import { Logger } from '@nestjs/common';
import { currentScope, type CallContext } from '../context/index.js';
import { CodedError, toServiceError, type ServiceError } from '../errors/index.js';
import type { BreakerState } from './state-breaker.js';
import { codeOf } from './failures.js';
import type { FallbackContext } from './fallback.js';
import type { Outcome, PolicyListener } from './policy.js';
import type { PolicyCounts } from './policy.metrics.js';
import type { GaveUp } from './retry.js';

const logger = new Logger('Resilience');

/** Tells metrics, span, log line and answer what a policy does. */
export class PolicyTelemetry implements PolicyListener {
  #counts: PolicyCounts | undefined;
  #hasBreaker = false;

  constructor(private readonly name: string) {}

  /** `undefined` until there are metrics. */
  get counts(): PolicyCounts | undefined {
    return this.#counts;
  }

  set counts(counts: PolicyCounts | undefined) {
    this.#counts = counts;
    if (this.#hasBreaker) counts?.breakerBegins();
  }

  get hasBreaker(): boolean {
    return this.#hasBreaker;
  }

  set hasBreaker(hasBreaker: boolean) {
    if (hasBreaker && !this.#hasBreaker) this.#counts?.breakerBegins();
    this.#hasBreaker = hasBreaker;
  }

  onEnd(outcome: Outcome): void {
    if (this.hasBreaker) this.counts?.ended(outcome);
    if (outcome === 'refused') this.#addEvent('circuit_breaker.rejected', {});
    if (outcome === 'full') this.counts?.full();
  }

  onRetry(attempt: number, gaveUp: GaveUp | undefined): void {
    this.counts?.retried(gaveUp);
    if (!gaveUp) this.#addEvent('retry', { 'resilience.attempt': attempt });
  }

  onFallback(step: string, { error, call }: FallbackContext, failure?: unknown): void {
    const attributes = { 'resilience.fallback.step': step, 'error.type': error.reason };
    if (failure !== undefined) {
      this.counts?.stepFailed(step);
      this.#addEvent('fallback', { ...attributes, 'resilience.fallback.failed': codeOf(failure) });
      this.#tellUnmeant(toServiceError(failure), step, 'a step of a fallback failed');
      return;
    }
    this.counts?.fellBack(step, error.reason);
    this.#addEvent('fallback', attributes);
    this.#markAnswer(step, call);
    this.#tellUnmeant(error, step, 'work failed; a fallback answered');
  }

  readonly onTransition = (from: BreakerState, to: BreakerState): void => this.counts?.changed(from, to);

  /** A failure that nobody meant is a fault of ours, and the caller would be the last to hear of it. */
  #tellUnmeant({ reason, cause }: ServiceError, fallback: string, what: string): void {
    if (reason === 'INTERNAL' && !(cause instanceof CodedError))
      logger.error({ err: cause, policy: this.name, fallback }, what);
  }

  /** The call is answered by a step: its span, its line and its answer say so. */
  #markAnswer(step: string, call: CallContext | undefined): void {
    currentScope()?.span?.setAttributes({ 'resilience.policy': this.name, 'resilience.fallback.step': step });
    call?.answeredBy({ policy: this.name, step });
  }

  #addEvent(event: string, attributes: Readonly<Record<string, string | number>>): void {
    currentScope()?.span?.addEvent(event, { 'resilience.policy': this.name, ...attributes });
  }
}
