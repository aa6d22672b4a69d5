import type { Call } from '../context/index.js';
import type { RateLimits } from './rate-limits.js';
import type { Rule } from './rule.js';

/** The limits of one route or rpc. */
export class TargetLimits {
  /** Limits of the call, taken before its handler runs. */
  readonly ofCall: readonly Rule[];
  /** Limits of each message that a stream brings in. */
  readonly ofMessage: readonly Rule[];
  /** Their `RateLimit-Policy` header names all. */
  constructor(readonly all: readonly Rule[]) {
    this.ofCall = all.filter(({ per }) => per === 'call');
    this.ofMessage = all.filter(({ per }) => per === 'message');
  }
}

/** The limits of one handler by the routes it serves: found once for each. */
export class HandlerLimits {
  readonly #byTarget = new Map<string, TargetLimits>();
  #last: TargetLimits | undefined;
  #lastMethod = '';
  #lastTarget = '';

  constructor(
    private readonly limits: RateLimits,
    private readonly type: object,
    private readonly handler: object,
  ) {}

  /** Most handlers serve one route, so that nothing has to be put together or looked up. */
  of(call: Call): TargetLimits {
    const target = call.transport === 'http' ? call.route : call.service;
    if (this.#last && call.method === this.#lastMethod && target === this.#lastTarget) return this.#last;
    this.#last = this.#find(call, `${call.method} ${target}`);
    this.#lastMethod = call.method;
    this.#lastTarget = target;
    return this.#last;
  }

  /**
   * Templates of routes and methods that Node parses are few; they stay. HEAD and GET share buckets and not this:
   * a policy may name HEAD alone.
   */
  #find(call: Call, key: string): TargetLimits {
    const known = this.#byTarget.get(key);
    if (known) return known;
    const found = new TargetLimits(this.limits.rulesOf(this.type, this.handler, call));
    this.#byTarget.set(key, found);
    return found;
  }
}
