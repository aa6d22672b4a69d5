import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { currentLimits, HttpCall, runInCall } from '../context/index.js';
import { ServiceError, type Code } from '../errors/index.js';
import type { Attempt } from './attempt.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { StateBreaker } from './state-breaker.js';
import { RETRYABLE_CODES } from './failures.js';
import { Policy, type Outcome, type PolicyParts } from './policy.js';
import { RetryBudget } from './retry-budget.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const RETRY = { maxAttempts: 3, baseMs: 50, maxMs: 2000, codes: RETRYABLE_CODES };
const failure = (code: Code, retryAfterMs?: number): ServiceError =>
  new ServiceError({
    code,
    reason: 'TEST',
    message: 'for the test',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
const budget = (burst = 10): RetryBudget => new RetryBudget({ ratio: 0, burst });
const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
const never = (): Promise<never> => new Promise(() => undefined);

/** Lets time pass until the promise has ended. */
async function settled<T>(promise: Promise<T>): Promise<T | { readonly failed: unknown }> {
  const ends: (T | { readonly failed: unknown })[] = [];
  promise.then(
    (value) => ends.push(value),
    (failed: unknown) => ends.push({ failed }),
  );
  for (let ms = 0; ends.length === 0 && ms < 60_000; ms += 10) await vi.advanceTimersByTimeAsync(10);
  return ends[0] ?? { failed: 'never ended' };
}

/** Work that fails with each of these in turn, and then succeeds. */
function failing(...errors: readonly unknown[]): { work: () => Promise<string>; calls: () => number } {
  let calls = 0;
  const work = async (): Promise<string> => {
    const error = errors[calls++];
    if (error !== undefined) throw error;
    return 'done';
  };
  return { work, calls: () => calls };
}

function breaker(): StateBreaker {
  return new StateBreaker({
    strategy: 'error-ratio',
    threshold: 0.5,
    retryTimeoutMs: 1000,
    minRequestAmount: 2,
    statIntervalMs: 10_000,
    statBuckets: 10,
    probeNum: 1,
    probeTimeoutMs: 1000,
  });
}

test('an empty policy runs the work once and hands on what comes of it', async () => {
  const policy = new Policy('plain', {});
  expect(await policy.run(async () => 5)).toBe(5);
  await expect(policy.run(() => Promise.reject(failure('NOT_FOUND')))).rejects.toThrow('for the test');
});

test('what is over listens to its call no more: what succeeds, what fails, what finds no place', async () => {
  const call = new HttpCall('r-1', 'GET', '/');
  const bulkhead = new ConcurrencyLimit({ maxConcurrent: 1, maxQueued: 1, maxWaitMs: 100 });
  const policy = new Policy('dependency', { bulkhead });
  const listen = async ({ signal }: Attempt, failed?: Error): Promise<boolean> => {
    await sleep(200);
    if (failed) throw failed;
    return signal.aborted;
  };
  await runInCall(call, async () => {
    const [first, second] = [settled(policy.run(listen)), settled(policy.run(listen))];
    expect(await second).toMatchObject({ failed: { reason: 'BULKHEAD_FULL' } });
    expect(getEventListeners(call.signal, 'abort')).toHaveLength(1);
    expect(await first).toBe(false);
    await settled(policy.run((attempt) => listen(attempt, failure('INTERNAL'))));
  });
  expect(getEventListeners(call.signal, 'abort')).toEqual([]);
});

describe('timeout', () => {
  test('is the policy’s own although the clock goes on while it begins', async () => {
    let now = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => now++);
    const end = await settled(new Policy('inventory', { timeoutMs: 200 }).run(never));
    vi.mocked(Date.now).mockRestore();
    expect(end).toMatchObject({ failed: { reason: 'TIMEOUT' } });
  });

  test('fails the call and aborts the work when it takes too long', async () => {
    const policy = new Policy('inventory', { timeoutMs: 200 });
    let signal: AbortSignal | undefined;
    const end = await settled(
      policy.run(() => {
        signal = currentLimits()?.signal;
        return never();
      }),
    );
    expect(end).toMatchObject({
      failed: { code: 'DEADLINE_EXCEEDED', reason: 'TIMEOUT', metadata: { policy: 'inventory' } },
    });
    expect(signal?.aborted).toBe(true);
  });

  test('never outlives the call', async () => {
    const call = new HttpCall('r-1', 'GET', '/');
    call.expireAfter(100, () => new Error('late'));
    const begin = Date.now();
    const end = await settled(runInCall(call, () => new Policy('inventory', { timeoutMs: 5000 }).run(never)));
    expect(end).toMatchObject({ failed: { reason: 'DEADLINE_EXCEEDED' } });
    expect(Date.now() - begin).toBeLessThanOrEqual(110);
  });

  test('is for the begin of a stream, whichever policy it was opened under', async () => {
    const [outer, inner] = [new Policy('outer', { timeoutMs: 50 }), new Policy('inner', { timeoutMs: 100 })];
    let stream: Attempt | undefined;
    const open = (attempt: Attempt): void => {
      stream = attempt;
      attempt.goOn(never());
    };
    expect(await settled(outer.run(() => inner.run(open).then(() => 'open')))).toBe('open');
    await vi.advanceTimersByTimeAsync(200);
    expect([stream?.remainingMs, stream?.signal.aborted]).toEqual([Infinity, false]);
  });

  test('of all attempts together ends waits and attempts', async () => {
    const parts: PolicyParts = {
      totalTimeoutMs: 100,
      retry: { ...RETRY, maxAttempts: 100, baseMs: 1 },
      budget: budget(100),
    };
    const { work, calls } = failing(...Array.from({ length: 100 }, () => failure('UNAVAILABLE', 40)));
    expect(await settled(new Policy('slow', parts).run(work))).toMatchObject({
      failed: { code: 'UNAVAILABLE' },
    });
    expect(calls()).toBe(3);
  });
});

describe('retry', () => {
  test.each<[string, PolicyParts, readonly unknown[], unknown, number]>([
    ['until it succeeds', {}, [failure('UNAVAILABLE'), failure('UNAVAILABLE')], 'done', 3],
    [
      'up to its attempts',
      {},
      [1, 2, 3, 4].map(() => failure('UNAVAILABLE')),
      { failed: { code: 'UNAVAILABLE' } },
      3,
    ],
    [
      'not what another attempt does not mend',
      {},
      [failure('INVALID_ARGUMENT')],
      { failed: { code: 'INVALID_ARGUMENT' } },
      1,
    ],
    [
      'not without a budget left',
      { budget: budget(0) },
      [failure('UNAVAILABLE')],
      { failed: { code: 'UNAVAILABLE' } },
      1,
    ],
    [
      'not what its own breaker refuses',
      { breaker: breaker(), budget: budget() },
      [1, 2, 3].map(() => failure('UNAVAILABLE')),
      { failed: { reason: 'CIRCUIT_OPEN' } },
      2,
    ],
  ])('%s', async (_, parts, errors, expected, expectedCalls) => {
    const { work, calls } = failing(...errors);
    const policy = new Policy('dependency', { retry: RETRY, budget: budget(), ...parts });
    const end = await settled(policy.run(work));
    if (typeof expected === 'string') expect(end).toBe(expected);
    else expect(end).toMatchObject(expected as object);
    expect(calls()).toBe(expectedCalls);
  });

  test('never what may not be done twice', async () => {
    const { work, calls } = failing(failure('UNAVAILABLE'));
    await settled(new Policy('payments', { retry: RETRY, budget: budget() }).run(work, false));
    expect(calls()).toBe(1);
  });

  test('a wait that no timer can have is none: the failure is the answer, at once', async () => {
    const policy = new Policy('dependency', { retry: RETRY, budget: budget() });
    const { work, calls } = failing(failure('UNAVAILABLE', 30 * 86_400_000));
    expect(await settled(policy.run(work))).toMatchObject({ failed: { code: 'UNAVAILABLE' } });
    expect(calls()).toBe(1);
  });

  test('not before the time that the error asks for, and not at all where nobody waits so long', async () => {
    const policy = new Policy('dependency', { retry: RETRY, budget: budget() });
    const begin = Date.now();
    expect(await settled(policy.run(failing(failure('UNAVAILABLE', 3000)).work))).toBe('done');
    expect(Date.now() - begin).toBeGreaterThanOrEqual(3000);
    const call = new HttpCall('r-1', 'GET', '/');
    call.expireAfter(1000, () => new Error('late'));
    const { work, calls } = failing(failure('UNAVAILABLE', 3000));
    const asked = Date.now();
    await settled(runInCall(call, () => policy.run(work)));
    expect([calls(), Date.now() - asked < 50]).toEqual([1, true]);
  });

  test('ends its wait when the caller leaves', async () => {
    const call = new HttpCall('r-1', 'GET', '/');
    const { work, calls } = failing(failure('UNAVAILABLE', 3000));
    const ending = settled(
      runInCall(call, () => new Policy('d', { retry: RETRY, budget: budget() }).run(work)),
    );
    await vi.advanceTimersByTimeAsync(100);
    call.abort(new Error('gone'));
    expect(await ending).toMatchObject({ failed: { code: 'UNAVAILABLE' } });
    expect(calls()).toBe(1);
  });
});

describe('hedge', () => {
  const parts = (): PolicyParts => ({ hedge: { delayMs: 100, maxAttempts: 2 }, budget: budget() });

  test('asks again when the answer is late, takes the first and aborts the other', async () => {
    const signals: AbortSignal[] = [];
    const begin = Date.now();
    const end = await settled(
      new Policy('reads', parts()).run(async (attempt) => {
        signals.push(attempt.signal);
        await sleep(attempt.number === 1 ? 5000 : 50);
        return attempt.number;
      }),
    );
    expect(end).toBe(2);
    expect(Date.now() - begin).toBeLessThan(200);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  test('does not ask again in time, for what may not be done twice, or without a budget', async () => {
    const late = async (): Promise<string> => {
      calls += 1;
      await sleep(500);
      return 'late';
    };
    let calls = 0;
    expect(await settled(new Policy('reads', parts()).run(async () => 'soon'))).toBe('soon');
    expect(await settled(new Policy('writes', parts()).run(late, false))).toBe('late');
    expect(await settled(new Policy('reads', { ...parts(), budget: budget(0) }).run(late))).toBe('late');
    expect(calls).toBe(2);
  });

  test.each([
    ['the caller has left', undefined],
    ['the time of all attempts is over', 50],
  ])('does not ask again when %s, though the work goes on', async (_why, totalTimeoutMs) => {
    const call = new HttpCall('r-1', 'GET', '/');
    let calls = 0;
    const late = async (): Promise<void> => {
      calls += 1;
      await sleep(500);
    };
    const policy = new Policy('reads', { ...parts(), ...(totalTimeoutMs && { totalTimeoutMs }) });
    const ending = settled(runInCall(call, () => policy.run(late)));
    await vi.advanceTimersByTimeAsync(60);
    if (!totalTimeoutMs) call.abort(new Error('gone'));
    await vi.advanceTimersByTimeAsync(500);
    await ending;
    expect(calls).toBe(1);
  });

  test('fails when all attempts have', async () => {
    const end = await settled(
      new Policy('reads', parts()).run(async ({ number }) => {
        await sleep(300);
        throw failure(number === 1 ? 'UNAVAILABLE' : 'INTERNAL');
      }),
    );
    expect(end).toMatchObject({ failed: { code: 'INTERNAL' } });
  });
});

describe('breaker', () => {
  test.each<[Code, boolean]>([
    ['UNAVAILABLE', true],
    ['INTERNAL', true],
    ['DEADLINE_EXCEEDED', true],
    ['NOT_FOUND', false],
    ['INVALID_ARGUMENT', false],
    ['CANCELLED', false],
  ])('%s counts as failure: %s', async (code, isCounted) => {
    const parts = { breaker: breaker() };
    const policy = new Policy('dependency', parts);
    for (let call = 0; call < 2; call++) await settled(policy.run(() => Promise.reject(failure(code))));
    expect(parts.breaker.state).toBe(isCounted ? 'open' : 'closed');
  });

  test('open, it refuses with the time to wait and does not run the work', async () => {
    const policy = new Policy('dependency', { breaker: breaker() });
    const { work, calls } = failing(failure('INTERNAL'), failure('INTERNAL'));
    for (let call = 0; call < 2; call++) await settled(policy.run(work));
    expect(await settled(policy.run(work))).toMatchObject({
      failed: { code: 'UNAVAILABLE', reason: 'CIRCUIT_OPEN', retryAfterMs: expect.any(Number) },
    });
    expect(calls()).toBe(2);
  });

  test('an attempt that was aborted because another was faster says nothing', async () => {
    const parts = { breaker: breaker(), hedge: { delayMs: 10, maxAttempts: 2 }, budget: budget() };
    const policy = new Policy('reads', parts);
    for (let call = 0; call < 5; call++) {
      const work = async ({ number, signal }: Attempt): Promise<void> => {
        if (number === 1)
          await new Promise((_, fail) => signal.addEventListener('abort', () => fail(new Error('mine'))));
      };
      await settled(policy.run(work).then(() => 'done'));
    }
    expect(parts.breaker.state).toBe('closed');
  });

  test('a probe that goes on as a stream closes it when it begins, and keeps its place', async () => {
    const parts = {
      breaker: breaker(),
      bulkhead: new ConcurrencyLimit({ maxConcurrent: 5, maxQueued: 0, maxWaitMs: 100 }),
    };
    const policy = new Policy('dependency', parts);
    for (let call = 0; call < 2; call++) await settled(policy.run(() => Promise.reject(failure('INTERNAL'))));
    await vi.advanceTimersByTimeAsync(1000);
    await policy.run((attempt) => attempt.goOn(never()));
    await vi.advanceTimersByTimeAsync(2000);
    expect(await settled(policy.run(async () => 1))).toBe(1);
    expect([parts.breaker.state, parts.bulkhead.running]).toEqual(['closed', 1]);
  });

  test('a stream that begins late is slow, although its reader leaves it, and is counted once', async () => {
    const rule = { ...breaker().rule, strategy: 'slow-call-ratio', maxAllowedRtMs: 50 } as const;
    const slow = new StateBreaker(rule);
    const policy = new Policy('dependency', { breaker: slow });
    const rest = Promise.withResolvers<void>();
    const begins = Promise.withResolvers<() => void>();
    await policy.run((attempt) => {
      attempt.goOn(rest.promise, false);
      begins.resolve(() => attempt.begun());
    });
    await vi.advanceTimersByTimeAsync(60);
    (await begins.promise)();
    expect(slow.counts(performance.now())).toMatchObject({ total: 1, flagged: 1 });
    rest.reject(failure('CANCELLED'));
    await vi.advanceTimersByTimeAsync(1);
    expect(slow.counts(performance.now())).toMatchObject({ total: 1, flagged: 1 });
  });

  test('a probe that finds no place in the bulkhead gives its own back', async () => {
    const parts = {
      breaker: breaker(),
      bulkhead: new ConcurrencyLimit({ maxConcurrent: 1, maxQueued: 0, maxWaitMs: 100 }),
    };
    const policy = new Policy('dependency', parts);
    for (let call = 0; call < 2; call++) await settled(policy.run(() => Promise.reject(failure('INTERNAL'))));
    await vi.advanceTimersByTimeAsync(1000);
    void parts.bulkhead.enter();
    expect(await settled(policy.run(async () => 1))).toMatchObject({ failed: { reason: 'BULKHEAD_FULL' } });
    parts.bulkhead.leave();
    expect(await settled(policy.run(async () => 1))).toBe(1);
    expect(parts.breaker.state).toBe('closed');
  });
});

describe('bulkhead', () => {
  test('waiting for a place does not count against the timeout', async () => {
    const policy = new Policy('dependency', {
      bulkhead: new ConcurrencyLimit({ maxConcurrent: 1, maxQueued: 1, maxWaitMs: 1000 }),
      timeoutMs: 100,
    });
    const work = async (): Promise<string> => {
      await sleep(80);
      return 'done';
    };
    expect(await Promise.all([settled(policy.run(work)), settled(policy.run(work))])).toEqual([
      'done',
      'done',
    ]);
  });

  test('who leaves while it waits is cancelled: it has found no full bulkhead', async () => {
    const outcomes: Outcome[] = [];
    const bulkhead = new ConcurrencyLimit({ maxConcurrent: 1, maxQueued: 1, maxWaitMs: 1000 });
    const policy = new Policy(
      'dependency',
      { bulkhead },
      { onEnd: (outcome) => void outcomes.push(outcome) },
    );
    const call = new HttpCall('r-1', 'GET', '/');
    void policy.run(never);
    const waiting = runInCall(call, () => policy.run(never));
    call.abort(failure('CANCELLED'));
    expect(await settled(waiting)).toMatchObject({ failed: { code: 'CANCELLED' } });
    expect(outcomes).toEqual(['cancelled']);
    void policy.run(never);
    await settled(policy.run(never));
    expect(outcomes).toEqual(['cancelled', 'full']);
  });

  test('a timeout frees the place', async () => {
    const bulkhead = new ConcurrencyLimit({ maxConcurrent: 1, maxQueued: 0, maxWaitMs: 100 });
    await settled(new Policy('dependency', { bulkhead, timeoutMs: 100 }).run(never));
    expect(bulkhead.running).toBe(0);
  });
});

describe('fallback', () => {
  test('the first step that is meant for the failure and succeeds in time answers', async () => {
    const seen: unknown[] = [];
    const policy = new Policy(
      'prices',
      {
        fallback: [
          {
            name: 'for-others',
            timeoutMs: 10,
            when: ({ error }) => error.code === 'NOT_FOUND',
            run: () => 'wrong',
          },
          { name: 'slow', timeoutMs: 20, run: never },
          { name: 'broken', timeoutMs: 20, run: () => Promise.reject(new Error('broken')) },
          { name: 'static', timeoutMs: 10, run: ({ args }) => args },
        ],
      },
      { onFallback: (step, { error }, failed) => seen.push([step, error.code, failed === undefined]) },
    );
    expect(await settled(policy.run(() => Promise.reject(failure('UNAVAILABLE')), true, ['tea']))).toEqual([
      'tea',
    ]);
    expect(seen).toEqual([
      ['slow', 'UNAVAILABLE', false],
      ['broken', 'UNAVAILABLE', false],
      ['static', 'UNAVAILABLE', true],
    ]);
  });

  test('a step that cannot say whether it is meant has failed, and leaves the word to the next', async () => {
    const seen: unknown[] = [];
    const broken = {
      name: 'broken',
      timeoutMs: 20,
      when: () => {
        throw new Error('broken');
      },
      run: () => 'wrong',
    };
    const known = { name: 'known', timeoutMs: 20, run: () => 'known' };
    const policyOf = (...fallback: NonNullable<PolicyParts['fallback']>) =>
      new Policy(
        'prices',
        { fallback },
        { onFallback: (step, _, failed) => seen.push([step, failed instanceof Error]) },
      );
    const work = () => Promise.reject(failure('UNAVAILABLE'));
    expect(await settled(policyOf(broken, known).run(work))).toBe('known');
    expect(await settled(policyOf(broken).run(work))).toMatchObject({ failed: { code: 'UNAVAILABLE' } });
    expect(seen).toEqual([
      ['broken', true],
      ['known', false],
      ['broken', true],
    ]);
  });

  test('where no step answers, the failure of the work is what the caller gets', async () => {
    const fallback = [{ name: 'broken', timeoutMs: 20, run: () => Promise.reject(new Error('broken')) }];
    const end = await settled(
      new Policy('prices', { fallback }).run(() => Promise.reject(failure('UNAVAILABLE'))),
    );
    expect(end).toMatchObject({ failed: { code: 'UNAVAILABLE' } });
  });
});

test('listeners are told how each attempt ended, and of retries made and not made', async () => {
  const outcomes: Outcome[] = [];
  const retries: unknown[] = [];
  const listener = {
    onEnd: (outcome: Outcome) => void outcomes.push(outcome),
    onRetry: (...retry: unknown[]) => void retries.push(retry),
  };
  const policy = new Policy('dependency', { retry: RETRY, budget: budget(1) }, listener);
  await settled(policy.run(failing(failure('UNAVAILABLE')).work));
  await settled(policy.run(failing(failure('UNAVAILABLE')).work));
  await settled(policy.run(failing(failure('NOT_FOUND')).work));
  expect(outcomes).toEqual(['failure', 'success', 'failure', 'success']);
  expect(retries).toEqual([
    [2, undefined],
    [2, 'budget'],
  ]);
});
