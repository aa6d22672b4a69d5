import { describe, expect, test } from 'vitest';
import type { StateBreakerRule } from './breaker-rule.js';
import { StateBreaker, REFUSED, type BreakerState } from './state-breaker.js';

const COMMON = {
  retryTimeoutMs: 1000,
  minRequestAmount: 4,
  statIntervalMs: 2000,
  statBuckets: 4,
  probeNum: 2,
  probeTimeoutMs: 500,
};
const RULE: StateBreakerRule = { ...COMMON, strategy: 'error-ratio', threshold: 0.5 };
const SLOW = { strategy: 'slow-call-ratio', threshold: 0.5, maxAllowedRtMs: 100 } as const;

function call(breaker: StateBreaker, now: number, isFailed: boolean, durationMs = 1): boolean {
  const ticket = breaker.enter(now);
  if (ticket !== REFUSED) breaker.settle(ticket, now, isFailed, durationMs);
  return ticket !== REFUSED;
}

function opened(rule: StateBreakerRule = RULE): StateBreaker {
  const breaker = new StateBreaker(rule);
  for (let index = 0; index < 4; index++) call(breaker, 10_000, true, 1000);
  expect(breaker.state).toBe('open');
  return breaker;
}

test('it stays closed below the smallest number of calls, however many of them fail', () => {
  const breaker = new StateBreaker(RULE);
  for (let index = 0; index < 3; index++) expect(call(breaker, 10_000, true)).toBe(true);
  expect(breaker.state).toBe('closed');
});

test.each<[StateBreakerRule, boolean[], BreakerState]>([
  [RULE, [true, true, false, false], 'open'],
  [RULE, [true, false, false, false], 'closed'],
  [RULE, [false, false, true, true], 'open'],
  [{ ...RULE, threshold: 0.6 }, [false, false, true, true], 'closed'],
  [{ ...COMMON, strategy: 'error-count', threshold: 3 }, [false, true, true, false, true], 'open'],
  [{ ...COMMON, strategy: 'error-count', threshold: 4 }, [false, true, true, false, true], 'closed'],
])('%o after %o is %s', (rule, failures, state) => {
  const breaker = new StateBreaker(rule);
  for (const isFailed of failures) call(breaker, 10_000, isFailed);
  expect(breaker.state).toBe(state);
});

test('slow calls open it, whether they succeed or not', () => {
  const breaker = new StateBreaker({ ...COMMON, ...SLOW });
  for (const durationMs of [1, 100, 101]) call(breaker, 10_000, true, durationMs);
  expect(breaker.state).toBe('closed');
  call(breaker, 10_000, false, 101);
  expect(breaker.state).toBe('open');
});

test('a stream is slow by its begin, which is all that counts of it', () => {
  const breaker = new StateBreaker({ ...COMMON, ...SLOW });
  const [late, quick] = [breaker.enter(10_000), breaker.enter(10_000)];
  expect(breaker.begun(late, 10_101, 101)).toBe(true);
  expect(breaker.begun(quick, 10_101, 100)).toBe(true);
  expect(breaker.counts(10_101)).toMatchObject({ total: 2, flagged: 1 });
});

test('open, it refuses until its time is over and says how long that is', () => {
  const breaker = opened();
  expect(breaker.enter(10_999)).toBe(REFUSED);
  expect(breaker.retryAfterMs(10_400)).toBe(600);
  expect(breaker.enter(11_000)).not.toBe(REFUSED);
  expect(breaker.state).toBe('half-open');
});

describe('half-open', () => {
  test('lets as many probes through as it needs, and closes when all of them succeed', () => {
    const breaker = opened();
    const [first, second] = [breaker.enter(11_000), breaker.enter(11_000)];
    expect(breaker.enter(11_000)).toBe(REFUSED);
    breaker.settle(first, 11_001, false, 1);
    expect(breaker.enter(11_002)).toBe(REFUSED);
    breaker.settle(second, 11_003, false, 1);
    expect(breaker.state).toBe('closed');
  });

  test('tells whom it refuses to come again when its probes have ended', () => {
    const breaker = opened();
    breaker.enter(11_000);
    expect(breaker.retryAfterMs(11_100)).toBe(0);
    const second = breaker.enter(11_100);
    expect(breaker.enter(11_200)).toBe(REFUSED);
    expect(breaker.retryAfterMs(11_200)).toBe(300);
    expect(breaker.retryAfterMs(11_500)).toBe(1);
    breaker.release(second);
    expect(breaker.retryAfterMs(11_200)).toBe(0);
  });

  test('a probe that is a stream counts by its begin, and not again by its end', () => {
    const breaker = opened();
    const [first, second] = [breaker.enter(11_000), breaker.enter(11_000)];
    breaker.begun(first, 11_001, 1);
    breaker.settle(first, 11_002, true, 1);
    expect(breaker.state).toBe('half-open');
    breaker.begun(second, 11_003, 1);
    expect(breaker.state).toBe('closed');
    breaker.settle(second, 11_004, true, 1);
    expect(breaker.counts(11_004).total).toBe(0);
  });

  test('a stream that is no probe counts by its end', () => {
    const breaker = new StateBreaker(RULE);
    const ticket = breaker.enter(10_000);
    breaker.begun(ticket, 10_001, 1);
    expect(breaker.counts(10_001).total).toBe(0);
    breaker.settle(ticket, 10_002, true, 1);
    expect(breaker.counts(10_002)).toMatchObject({ total: 1, failed: 1 });
  });

  test('opens again with the first probe that fails', () => {
    const breaker = opened();
    const [first, second] = [breaker.enter(11_000), breaker.enter(11_000)];
    breaker.settle(first, 11_001, true, 1);
    expect(breaker.state).toBe('open');
    breaker.settle(second, 11_002, false, 1);
    expect(breaker.state).toBe('open');
    expect(breaker.retryAfterMs(11_001)).toBe(1000);
  });

  test('a probe without an end does not hold it: it opens again, and later probes anew', () => {
    const breaker = opened();
    breaker.enter(11_000);
    breaker.enter(11_000);
    expect(breaker.enter(11_499)).toBe(REFUSED);
    expect(breaker.state).toBe('half-open');
    expect(breaker.enter(11_500)).toBe(REFUSED);
    expect(breaker.state).toBe('open');
    expect(breaker.enter(12_500)).not.toBe(REFUSED);
  });

  test('a probe that was not made gives its place back', () => {
    const breaker = opened();
    const tickets = [breaker.enter(11_000), breaker.enter(11_000)];
    for (const ticket of tickets) breaker.release(ticket);
    expect(call(breaker, 11_001, false)).toBe(true);
    expect(call(breaker, 11_001, false)).toBe(true);
    expect(breaker.state).toBe('closed');
  });

  test('a rule of fewer probes closes it when enough have succeeded', () => {
    const breaker = opened();
    expect(call(breaker, 11_000, false)).toBe(true);
    breaker.rule = { ...RULE, probeNum: 1 };
    expect(call(breaker, 11_001, true)).toBe(true);
    expect(breaker.state).toBe('closed');
  });
});

test('a call that began before it opened says nothing after it closed', () => {
  const breaker = new StateBreaker({ ...RULE, probeNum: 1 });
  const old = Array.from({ length: 10 }, () => breaker.enter(9000));
  for (let index = 0; index < 4; index++) call(breaker, 10_000, true);
  call(breaker, 11_000, false);
  expect(breaker.state).toBe('closed');
  for (const ticket of old) breaker.settle(ticket, 11_001, true, 1);
  expect(breaker.state).toBe('closed');
});

test('another rule says how long it stays open, also when it is open already', () => {
  const breaker = opened();
  breaker.rule = { ...RULE, retryTimeoutMs: 60_000 };
  expect(breaker.enter(11_000)).toBe(REFUSED);
  expect(breaker.retryAfterMs(11_000)).toBe(59_000);
  breaker.rule = { ...RULE, retryTimeoutMs: 100 };
  expect(breaker.enter(11_000)).not.toBe(REFUSED);
});

test('another rule keeps what was counted, unless it looks back otherwise', () => {
  const breaker = new StateBreaker({ ...RULE, threshold: 1 });
  for (const isFailed of [false, false, true]) call(breaker, 10_000, isFailed);
  breaker.rule = RULE;
  call(breaker, 10_000, true);
  expect(breaker.state).toBe('open');
  const other = new StateBreaker({ ...RULE, threshold: 1 });
  for (const isFailed of [false, false, true]) call(other, 10_000, isFailed);
  other.rule = { ...RULE, statIntervalMs: 3000 };
  call(other, 10_000, true);
  expect(other.state).toBe('closed');
});

test('listeners are told of each change, until they no longer want to be', () => {
  const breaker = new StateBreaker({ ...RULE, probeNum: 1 });
  const seen: string[] = [];
  const end = breaker.onTransition((from, to) => seen.push(`${from} → ${to}`));
  for (let index = 0; index < 4; index++) call(breaker, 10_000, true);
  call(breaker, 11_000, false);
  end();
  for (let index = 0; index < 4; index++) call(breaker, 12_000, true);
  expect(seen).toEqual(['closed → open', 'open → half-open', 'half-open → closed']);
});
