import type { ExecutionContext } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_TIMER_MS, type CallContext } from '../context/index.js';
import type { RateLimiter } from './rate-limiter.js';
import type { Refusal } from './refusal.js';
import type { Rule } from './rule.js';

/** Lets the messages of one stream in, as fast as its limits allow. */
export class MessageGate {
  constructor(
    private readonly limiter: RateLimiter,
    /** Those that it has now: the configuration may take some away while it is open. */
    private readonly rules: () => readonly Rule[],
    private readonly call: CallContext,
    private readonly context: ExecutionContext,
  ) {}

  /**
   * `undefined` when the message may come in at once.
   * @throws ServiceError RATE_LIMITED where a limit refuses; the reason of the abort when the call ends meanwhile
   */
  readonly admit = (): Promise<void> | undefined => {
    const rules = this.rules();
    const decision = this.limiter.decide(rules, this.call, this.context);
    return decision && this.#resolve(decision, rules);
  };

  async #resolve(
    decision: Refusal | Promise<Refusal | undefined>,
    decidedBy: readonly Rule[],
  ): Promise<void> {
    let rules = decidedBy;
    let refusal = await decision;
    while (refusal) {
      if (!mayWait(refusal, rules)) throw refusal.toError(rules);
      await this.#wait(refusal);
      rules = this.rules();
      refusal = await this.limiter.decide(rules, this.call, this.context);
    }
  }

  /** Until there are tokens, an operator brings them, or the call ends. */
  async #wait({ policy, waitMs }: Refusal): Promise<void> {
    const { call } = this;
    const sleeper = new AbortController();
    const wake = (): void => sleeper.abort();
    policy.sleepers.add(wake);
    call.signal.addEventListener('abort', wake);
    if (call.abortReason) wake();
    const { signal } = sleeper;
    // Woken early it looks again, whatever has woken it.
    await sleep(Math.min(Math.ceil(waitMs), MAX_TIMER_MS), undefined, { signal }).catch(() => undefined);
    call.signal.removeEventListener('abort', wake);
    policy.sleepers.delete(wake);
    if (call.abortReason) throw call.abortReason;
  }
}

function mayWait({ policy, waitMs }: Refusal, rules: readonly Rule[]): boolean {
  return waitMs < Infinity && rules.some((rule) => rule.policy === policy && rule.excess === 'wait');
}
