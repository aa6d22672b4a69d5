import type { ExecutionContext } from '@nestjs/common';
import type { CallContext } from '../context/index.js';
import { keyFunction, shorten } from './key-of.js';
import type { CostOf, KeyOf, RateLimitKey } from './rate-limit.options.js';
import type { Policy } from './policy.js';

/** A policy as it stands above a handler: whose bucket a call takes from, and how much. */
export class Rule {
  readonly #key: KeyOf;

  constructor(
    readonly policy: Policy,
    readonly per: 'call' | 'message',
    readonly excess: 'refuse' | 'wait',
    private readonly by: RateLimitKey | KeyOf,
    private readonly cost: number | CostOf,
  ) {
    this.#key = keyFunction(by);
  }

  /** The same for one route or rpc, whose key is made once. */
  at(target: string): Rule {
    const { policy, per, excess, by, cost } = this;
    if (by !== 'route' && by !== 'rpc') return this;
    const key = shorten(target);
    return new Rule(policy, per, excess, () => key, cost);
  }

  /** `undefined` for a call that it does not limit. */
  keyOf(call: CallContext, context: ExecutionContext): string | undefined {
    const key = this.#key(call, context);
    return key === undefined ? undefined : shorten(key);
  }

  /** @throws {TypeError} when the handler's own function gives what is no number of tokens */
  costOf(call: CallContext, context: ExecutionContext): number {
    if (typeof this.cost === 'number') return this.cost;
    const cost = this.cost(call, context);
    if (Number.isSafeInteger(cost) && cost >= 0) return cost;
    throw new TypeError(
      `The cost function of the rate limit "${this.policy.name}" must return a whole number`,
    );
  }
}
