import { Controller, Get, Post } from '@nestjs/common';
import { concat, firstValueFrom, NEVER, Observable, of, takeUntil, throwError, timer, toArray } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { chassisConfigSchema, Config } from '../config/index.js';
import { ServiceError } from '../errors/index.js';
import { InstancePolicies } from './instance-policies.js';
import type { Policy } from './policy.js';
import { Bulkhead, CircuitBreaker, Fallback, Hedge, Retry, Timeout } from './policy.decorators.js';
import { PolicyRegistry } from './policy-registry.js';

function away(): ServiceError {
  return new ServiceError({ code: 'UNAVAILABLE', reason: 'AWAY', message: 'The dependency is away' });
}

const never = (): Promise<never> => new Promise(() => undefined);

/** What one was asked, and what it does the next times. */
class Dependency {
  calls = 0;
  failures = 0;

  async ask(answer = 'answer'): Promise<string> {
    this.calls += 1;
    if (this.failures-- > 0) throw away();
    return answer;
  }
}

function decorate<T extends object>(instance: T, policies: readonly object[] = []) {
  const values = chassisConfigSchema.parse({ RESILIENCE_POLICIES: policies });
  const config = new Config(values, new Map());
  const registry = new PolicyRegistry(config);
  const guarded = new InstancePolicies(registry).decorate(instance) as T;
  return { guarded, registry, config };
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => (error instanceof ServiceError ? error.reason : String(error)),
  );
}

async function drain<T>(messages: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const message of messages) into.push(message);
  return into;
}

describe('decorators of one method', () => {
  class Prices {
    readonly dependency = new Dependency();

    @Retry({ baseMs: 1 })
    @Fallback([{ name: 'known', run: 'known' }])
    @CircuitBreaker({ minRequestAmount: 3, threshold: 1 })
    async above(article: string): Promise<string> {
      return this.dependency.ask(article);
    }

    @CircuitBreaker({ minRequestAmount: 3, threshold: 1 })
    @Fallback([{ name: 'known', run: 'known' }])
    @Retry({ baseMs: 1 })
    async below(article: string): Promise<string> {
      return this.dependency.ask(article);
    }

    known(article: string): string {
      return `${article} as it was`;
    }
  }

  test.each(['above', 'below'] as const)(
    'are one policy in one order, whatever theirs is (%s)',
    async (method) => {
      const prices = new Prices();
      const { registry } = decorate(prices);
      prices.dependency.failures = 3;
      expect(await prices[method]('tea')).toBe('tea as it was');
      expect(prices.dependency.calls).toBe(3);
      expect(await prices[method]('tea')).toBe('tea as it was');
      expect(prices.dependency.calls).toBe(3);
      expect(registry.find(`Prices.${method}`)?.breaker?.state).toBe('open');
    },
  );

  test('share a policy where they share a name, and are refused where its options differ', () => {
    class Two {
      @Timeout(100, { name: 'stock' })
      async one(): Promise<void> {}

      @Timeout(100, { name: 'stock' })
      async two(): Promise<void> {}
    }
    class Third {
      @Timeout(200, { name: 'stock' })
      async three(): Promise<void> {}
    }
    const { registry } = decorate(new Two());
    expect([...registry.policies].map(({ name }) => name)).toEqual(['stock']);
    expect(() => new InstancePolicies(registry).decorate(new Third())).toThrow(
      'The policy "stock" is defined twice, with different options. Rename one, or make them equal.',
    );
  });

  test('that say one thing twice, or give two names, are refused', () => {
    const twice = (): unknown => {
      class Twice {
        @Timeout(1)
        @Timeout(2)
        async run(): Promise<void> {}
      }
      return Twice;
    };
    const named = (): unknown => {
      class Named {
        @Timeout(1, { name: 'a' })
        @Bulkhead({ name: 'b' })
        async run(): Promise<void> {}
      }
      return Named;
    };
    expect(twice).toThrow('@Timeout: timeoutMs is said twice');
    expect(named).toThrow('the policy is named "b" and "a"');
  });

  test.each([
    [() => CircuitBreaker({ strategy: 'error-ratio', threshold: 2 }), 'threshold: must be a ratio up to 1'],
    [
      () => CircuitBreaker({ strategy: 'adaptive', threshold: 1 } as never),
      'threshold: is no field of adaptive',
    ],
    [() => Timeout(0), '@Timeout: timeoutMs: Too small: expected number to be >=1'],
    [() => Retry({ maxAttempts: 0 }), '@Retry: retry.maxAttempts: Too small: expected number to be >=1'],
    [() => Retry({ codes: ['AWAY' as never] }), 'retry.codes.0: must be a canonical code'],
    [() => Fallback([]), 'needs one step at least'],
    [() => Fallback([{ name: 'none' }]), 'fallback.0: must have either run or value'],
  ])('with an option that is not valid are refused (%#)', (make, message) => {
    expect(make).toThrow(message);
  });
});

describe('a class decorator', () => {
  test('means every async method and async generator, and the method’s own wins', async () => {
    @Timeout(20)
    class Slow {
      async promise(): Promise<void> {
        await never();
      }

      async *stream(): AsyncGenerator<never> {
        await never();
        yield* [];
      }

      @Timeout(60_000)
      async patient(): Promise<string> {
        return new Promise((resolve) => setTimeout(resolve, 50, 'came'));
      }

      now(): string {
        return 'now';
      }
    }
    const { guarded, registry } = decorate(new Slow());
    expect(guarded.now()).toBe('now');
    expect(await reasonOf(guarded.promise())).toBe('TIMEOUT');
    expect(await reasonOf(drain(guarded.stream()))).toBe('TIMEOUT');
    expect(await guarded.patient()).toBe('came');
    expect([...registry.policies].map(({ name }) => name)).toEqual([
      'Slow.promise',
      'Slow.stream',
      'Slow.patient',
    ]);
  });

  test('of a controller means its handlers', () => {
    @Controller()
    @Timeout(20)
    class Things {
      @Get()
      async find(): Promise<void> {}

      async notAHandler(): Promise<void> {}
    }
    const { registry } = decorate(new Things());
    expect([...registry.policies].map(({ name }) => name)).toEqual(['Things.find']);
  });
});

describe('at the start', () => {
  test.each([
    [
      () => {
        class Sync {
          @Timeout(10)
          run(): never {
            throw new Error('never called');
          }
        }
        return new Sync();
      },
      'Sync.run has a policy and does not return a promise',
    ],
    [
      () => {
        @Controller()
        class Orders {
          @Post()
          @Retry()
          async create(): Promise<void> {}
        }
        return new Orders();
      },
      'Orders.create has @Retry or @Hedge, but its calls are not known to be idempotent',
    ],
    [
      () => {
        class Prices {
          @Fallback([{ name: 'known', run: 'knwon' }])
          async price(): Promise<void> {}
        }
        return new Prices();
      },
      'The step "known" of @Fallback on Prices.price names the method knwon, which does not exist',
    ],
  ])('a policy that cannot be is refused (%#)', (make, message) => {
    expect(() => decorate(make())).toThrow(message);
  });

  test('so are rules of the configuration that do not fit', () => {
    class Prices {
      @CircuitBreaker({ name: 'prices', strategy: 'error-count', threshold: 5 })
      async price(): Promise<void> {}
    }
    const rule = { name: 'prices', breaker: { maxAllowedRtMs: 5 } };
    expect(() => decorate(new Prices(), [rule])).toThrow(
      'RESILIENCE_POLICIES: Policy "prices": breaker.maxAllowedRtMs: is no field of error-count',
    );
  });

  test('so is a policy over routes that has the name of one of the code, whatever that one says', () => {
    const { registry } = decorate({}, [{ name: 'payments', routes: ['/v1/*'], timeoutMs: 50 }]);
    for (const options of [{}, { timeoutMs: 100 }])
      expect(() => registry.define('payments', options)).toThrow(
        'RESILIENCE_POLICIES: "payments" is a policy of the code: rename the one that has routes or rpcs.',
      );
  });
});

test('an idempotent handler is repeated; a post is where it says so', async () => {
  @Controller()
  class Orders {
    readonly dependency = new Dependency();

    @Get()
    @Retry({ baseMs: 1 })
    async find(): Promise<string> {
      return this.dependency.ask();
    }

    @Post()
    @Retry({ baseMs: 1, isIdempotent: true })
    async create(): Promise<string> {
      return this.dependency.ask();
    }
  }
  const { guarded } = decorate(new Orders());
  guarded.dependency.failures = 1;
  expect(await guarded.find()).toBe('answer');
  guarded.dependency.failures = 1;
  expect(await guarded.create()).toBe('answer');
  expect(guarded.dependency.calls).toBe(4);
});

test('the configuration says by the name of a policy that its work may be repeated, and that it may not', async () => {
  class Orders {
    readonly dependency = new Dependency();

    @Retry({ name: 'find', baseMs: 1 })
    async find(): Promise<string> {
      return this.dependency.ask();
    }

    @Post()
    @Timeout(1000, { name: 'create' })
    async create(): Promise<string> {
      return this.dependency.ask();
    }
  }
  const { guarded, registry } = decorate(new Orders(), [
    { name: 'find', isIdempotent: false },
    { name: 'create', retry: { baseMs: 1 }, isIdempotent: true },
  ]);
  guarded.dependency.failures = 1;
  expect(await reasonOf(guarded.find())).toBe('AWAY');
  guarded.dependency.failures = 1;
  expect(await guarded.create()).toBe('answer');
  registry.find('find')?.configure({});
  guarded.dependency.failures = 1;
  expect(await guarded.find()).toBe('answer');
});

test('who waits for a place begins when the configuration takes the bulkhead away', async () => {
  class Orders {
    begun = 0;

    @Bulkhead({ name: 'orders', maxConcurrent: 1, maxQueued: 1, maxWaitMs: 60_000 })
    async create(): Promise<void> {
      this.begun += 1;
      await never();
    }
  }
  const { guarded, registry } = decorate(new Orders());
  void guarded.create();
  void guarded.create();
  expect(guarded.begun).toBe(1);
  registry.find('orders')?.configure({ bulkhead: null });
  await vi.waitFor(() => expect(guarded.begun).toBe(2));
});

test('who waits for a place begins when a policy over routes is taken away', async () => {
  const bulkhead = { maxConcurrent: 1, maxQueued: 1, maxWaitMs: 60_000 };
  const { registry } = decorate({}, [{ name: 'routes', routes: ['*'], bulkhead }]);
  const policy = registry.find('routes')?.policy;
  void policy?.run(never);
  const waiting = policy?.run(async () => 'begun');
  registry.routed.prepare([]).commit();
  expect(await waiting).toBe('begun');
});

test('a late answer is asked for again, and the first to come is taken', async () => {
  class Prices {
    readonly signals: AbortSignal[] = [];

    @Hedge({ delayMs: 5 })
    async price(): Promise<string> {
      const { currentLimits } = await import('../context/index.js');
      this.signals.push(currentLimits()?.signal as AbortSignal);
      return this.signals.length === 1 ? never() : 'second';
    }
  }
  const { guarded } = decorate(new Prices());
  expect(await guarded.price()).toBe('second');
  expect(guarded.signals.map(({ aborted }) => aborted)).toEqual([true, false]);
});

class Streams {
  begun = 0;
  left = 0;
  failBefore = 0;
  failAfter = false;
  waits = false;

  @CircuitBreaker({ name: 'stream' })
  @Bulkhead({ maxConcurrent: 1 })
  @Timeout(40)
  @Retry({ baseMs: 1 })
  async *count(): AsyncGenerator<number> {
    yield* this.source();
  }

  @CircuitBreaker({ name: 'pushed' })
  @Bulkhead({ maxConcurrent: 1 })
  @Timeout(40)
  @Retry({ baseMs: 1 })
  push(): Observable<number> {
    return new Observable((subscriber) => {
      const iterator = this.source();
      void (async () => {
        try {
          for await (const value of iterator) subscriber.next(value);
          subscriber.complete();
        } catch (error) {
          subscriber.error(error);
        }
      })();
      return () => void (this.left += 1);
    });
  }

  private async *source(): AsyncGenerator<number> {
    this.begun += 1;
    if (this.failBefore-- > 0) throw away();
    if (this.waits) await never();
    yield 1;
    // Longer than the time for the first message.
    await new Promise((resolve) => setTimeout(resolve, 60));
    yield 2;
    if (this.failAfter) throw away();
    yield 3;
  }
}

const KINDS = [
  { kind: 'an async generator', policy: 'stream', run: (streams: Streams) => streams.count() },
  {
    kind: 'an observable',
    policy: 'pushed',
    run: (streams: Streams) => iterate(streams.push()),
  },
];

/** The messages of an observable, those before a failure too; it is not left after the first `count`. */
async function* iterate<T>(source: Observable<T>, count = Infinity): AsyncGenerator<T> {
  const seen: T[] = [];
  let failure: unknown;
  await new Promise<void>((resolve) => {
    source.subscribe({
      next: (value) => {
        if (seen.push(value) === count) resolve();
      },
      complete: resolve,
      error: (error: unknown) => {
        failure = error;
        resolve();
      },
    });
  });
  yield* seen;
  if (failure) throw failure;
}

describe.each(KINDS)('$kind', ({ policy, run }) => {
  test('is tried again while nothing was delivered, and its time is that until the first message', async () => {
    const { guarded } = decorate(new Streams());
    guarded.failBefore = 1;
    expect(await drain(run(guarded))).toEqual([1, 2, 3]);
    expect(guarded.begun).toBe(2);
  });

  test('that fails after its first message is not tried again, and counts as failed', async () => {
    const { guarded, registry } = decorate(new Streams());
    guarded.failAfter = true;
    const seen: number[] = [];
    expect(await reasonOf(drain(run(guarded), seen))).toBe('AWAY');
    expect([seen, guarded.begun]).toEqual([[1, 2], 1]);
    const { counts } = registry.find(policy)?.breaker?.describe(performance.now()) ?? {};
    expect(counts).toMatchObject({ total: 1, failed: 1 });
  });

  test('that does not begin in time fails', async () => {
    const { guarded } = decorate(new Streams());
    guarded.waits = true;
    expect(await reasonOf(drain(run(guarded)))).toBe('TIMEOUT');
  });

  test('has its place until its end', async () => {
    const { guarded, registry } = decorate(new Streams());
    const first = drain(run(guarded));
    await new Promise((resolve) => setTimeout(resolve, 10));
    const bulkhead = registry.find(policy)?.policy.parts.bulkhead;
    expect(bulkhead?.running).toBe(1);
    expect(await reasonOf(drain(run(guarded)))).toBe('BULKHEAD_FULL');
    await first;
    expect(bulkhead?.running).toBe(0);
  });
});

test('a stream that is left gives its place back, and says nothing of the dependency', async () => {
  const { guarded, registry } = decorate(new Streams());
  for await (const _ of guarded.count()) break;
  const subscription = guarded.push().subscribe();
  await new Promise((resolve) => setTimeout(resolve, 10));
  subscription.unsubscribe();
  await new Promise((resolve) => setTimeout(resolve, 10));
  for (const name of ['stream', 'pushed']) {
    const managed = registry.find(name);
    expect(managed?.policy.parts.bulkhead?.running).toBe(0);
    expect(managed?.breaker?.describe(performance.now()).counts.total).toBe(0);
  }
  expect(guarded.left).toBe(1);
});

describe('an observable that is left', () => {
  class Feeds {
    begun = 0;
    readonly left: number[] = [];

    @Bulkhead({ name: 'queued', maxConcurrent: 1, maxQueued: 1, maxWaitMs: 60_000 })
    queued(): Observable<number> {
      return this.source();
    }

    @Retry({ name: 'retried', baseMs: 1 })
    retried(): Observable<number> {
      const retryAfterMs = 60_000;
      return concat(
        this.source().pipe(takeUntil(timer(0))),
        throwError(
          () => new ServiceError({ code: 'UNAVAILABLE', reason: 'AWAY', message: 'away', retryAfterMs }),
        ),
      );
    }

    @Hedge({ name: 'hedged', delayMs: 1, maxAttempts: 3 })
    hedged(): Observable<number> {
      return this.source();
    }

    private source(): Observable<number> {
      const number = ++this.begun;
      return new Observable(() => () => void this.left.push(number));
    }
  }

  test('while it waits for a place does not begin', async () => {
    const { guarded, registry } = decorate(new Feeds());
    const bulkhead = registry.find('queued')?.policy.parts.bulkhead;
    const [first, second] = [guarded.queued().subscribe(), guarded.queued().subscribe()];
    await vi.waitUntil(() => bulkhead?.queued === 1);
    second.unsubscribe();
    first.unsubscribe();
    await vi.waitUntil(() => bulkhead?.running === 0);
    expect([bulkhead?.queued, guarded.begun]).toEqual([0, 1]);
  });

  test('while it waits for another attempt has none', async () => {
    const { guarded, registry } = decorate(new Feeds());
    const policy = registry.find('retried')?.policy;
    const run = vi.spyOn(policy as Policy, 'run');
    const subscription = guarded.retried().subscribe();
    await vi.waitUntil(() => guarded.left.length === 1);
    subscription.unsubscribe();
    expect(await reasonOf(run.mock.results[0]?.value as Promise<unknown>)).toBe('AWAY');
    expect(guarded.begun).toBe(1);
  });

  test('ends all of its attempts', async () => {
    const { guarded } = decorate(new Feeds());
    const subscription = guarded.hedged().subscribe();
    await vi.waitUntil(() => guarded.begun === 3);
    subscription.unsubscribe();
    expect(guarded.left.toSorted()).toEqual([1, 2, 3]);
  });
});

describe('a probe that is a stream', () => {
  const rule = { minRequestAmount: 1, retryTimeoutMs: 1 } as const;
  class Feeds {
    isAway = true;

    @CircuitBreaker({ name: 'pulled', ...rule })
    async *pull(): AsyncGenerator<number> {
      if (this.isAway) throw away();
      yield 1;
      await never();
    }

    @CircuitBreaker({ name: 'pushed', ...rule })
    push(): Observable<number> {
      return this.isAway ? throwError(away) : concat(timer(5), NEVER);
    }
  }

  test.each([
    { name: 'pulled', first: (feeds: Feeds) => feeds.pull().next() },
    // Not by firstValueFrom: it would leave the stream.
    { name: 'pushed', first: (feeds: Feeds) => iterate(feeds.push(), 1).next() },
  ])('closes the breaker with its first message: $name', async ({ name, first }) => {
    const { guarded, registry } = decorate(new Feeds());
    const state = () => registry.find(name)?.breaker?.state;
    expect(await reasonOf(first(guarded))).toBe('AWAY');
    await vi.waitUntil(() => state() === 'open');
    guarded.isAway = false;
    await vi.waitUntil(() => first(guarded).catch(() => undefined));
    expect(state()).toBe('closed');
  });
});

test('a step answers for a stream with values, with an iterable or with an observable', async () => {
  class Steps {
    @Fallback([{ name: 'static', value: [7, 8] }])
    async *values(): AsyncGenerator<number> {
      yield await Promise.reject(away());
    }

    @Fallback([{ name: 'other', run: () => of(9) }])
    async *observable(): AsyncGenerator<number> {
      yield await Promise.reject(away());
    }

    @Fallback([{ name: 'static', value: 5 }])
    pushed(): Observable<number> {
      return throwError(away);
    }

    @Timeout(10)
    silent(): Observable<number> {
      return NEVER;
    }
  }
  const { guarded } = decorate(new Steps());
  expect(await drain(guarded.values())).toEqual([7, 8]);
  expect(await drain(guarded.observable())).toEqual([9]);
  expect(await firstValueFrom(guarded.pushed().pipe(toArray()))).toEqual([5]);
  expect(await reasonOf(firstValueFrom(guarded.silent()))).toBe('TIMEOUT');
});
