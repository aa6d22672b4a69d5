import { Controller, Get, Query } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '#chassis/errors';
import { PolicyRegistry, type Policy } from '#chassis/resilience';

/** How long a call keeps its place in the bulkhead: others wait for it, and are refused. */
const PLACE_MS = 300;

/** Calls under policies, whose dependency is what the caller says. */
@Controller('observed')
export class ObservedPolicies {
  readonly #shaky: Policy;
  readonly #spent: Policy;
  readonly #crowded: Policy;

  constructor(policies: PolicyRegistry) {
    this.#shaky = policies.define('shaky', {
      breaker: { threshold: 0.3, minRequestAmount: 4, statIntervalMs: 2000, retryTimeoutMs: 1000 },
      retry: { baseMs: 1, maxMs: 2 },
      fallback: [
        { name: 'broken', run: () => Promise.reject(new Error('broken as well')) },
        { name: 'static', value: {} },
      ],
    });
    // Without a breaker, which might leave nothing to retry.
    this.#spent = policies.define('spent', {
      retry: { baseMs: 1, maxMs: 2 },
      budget: { ratio: 0.1, burst: 2 },
    });
    this.#crowded = policies.define('crowded', {
      bulkhead: { maxConcurrent: 1, maxQueued: 1, maxWaitMs: 1000 },
    });
  }

  @Get('shaky')
  shaky(@Query('fails') fails: string): Promise<object> {
    return this.#shaky.run(() => {
      if (fails === 'no') return Promise.resolve({});
      return refuse();
    });
  }

  @Get('spent')
  spent(): Promise<object> {
    return this.#spent.run(refuse);
  }

  @Get('crowded')
  crowded(): Promise<object> {
    return this.#crowded.run(() => sleep(PLACE_MS, {}));
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new ServiceError({ code: 'UNAVAILABLE', reason: 'SHAKY', message: 'shaky' }));
}
