import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BreakerControl } from './breaker-control.js';
import { completeBreaker } from './complete-options.js';
import type { BreakerOptions } from './policy-options.js';
import { REFUSED, StateBreaker, type Breaker, type BreakerState } from './state-breaker.js';

const rule = (options: BreakerOptions) => completeBreaker(options);
/** All look back alike, so that what was counted stays with every change between them. */
const RULES = [
  rule({ minRequestAmount: 2, threshold: 0.5, retryTimeoutMs: 50 }),
  rule({ minRequestAmount: 4, threshold: 0.9, retryTimeoutMs: 200, probeNum: 2 }),
  rule({ strategy: 'error-count', threshold: 3, minRequestAmount: 1, retryTimeoutMs: 10 }),
  rule({
    strategy: 'slow-call-ratio',
    maxAllowedRtMs: 40,
    threshold: 0.5,
    minRequestAmount: 3,
    retryTimeoutMs: 80,
  }),
];
const ALLOWED = ['closed open', 'open half-open', 'half-open open', 'half-open closed'];

const step = fc.record({
  pauseMs: fc.integer({ min: 0, max: 120 }),
  does: fc.constantFrom(
    'enter',
    'enter',
    'enter',
    'settle',
    'settle',
    'rule',
    'open',
    'close',
    'let-go',
    'reset',
  ),
  isFailed: fc.boolean(),
  durationMs: fc.integer({ min: 0, max: 80 }),
  which: fc.nat(),
});

test('held, changed and let go at any time it is the same breaker, which has seen only the calls that asked it', () => {
  const property = fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const told: string[] = [];
    const control = new BreakerControl(RULES[0] as never, (from, to) => void told.push(`${from} ${to}`));
    const twin = new StateBreaker(RULES[0] as never);
    let forced: BreakerState | undefined;
    let hasOperator = false;
    const running: { breaker: Breaker; ticket: number; twinTicket: number | undefined }[] = [];
    let now = 1e6;
    for (const { pauseMs, does, isFailed, durationMs, which } of steps) {
      now += pauseMs;
      const before = control.state;
      told.length = 0;
      if (does === 'enter') {
        const breaker = control.active;
        const ticket = breaker.enter(now);
        const twinTicket = forced ? undefined : twin.enter(now);
        expect(ticket === REFUSED).toBe(forced ? forced === 'open' : twinTicket === REFUSED);
        if (ticket !== REFUSED) running.push({ breaker, ticket, twinTicket });
      } else if (does === 'settle') {
        const [call] = running.splice(which % Math.max(1, running.length), 1);
        call?.breaker.settle(call.ticket, now, isFailed, durationMs);
        if (call?.twinTicket !== undefined) twin.settle(call.twinTicket, now, isFailed, durationMs);
      } else if (does === 'rule') {
        control.rule = twin.rule = RULES[which % RULES.length] as never;
      } else if (does === 'reset') {
        control.reset(now);
        twin.reset(now);
        forced = undefined;
      } else {
        forced = does === 'let-go' ? undefined : does === 'open' ? 'open' : 'closed';
        control.forced = forced as 'open' | undefined;
      }
      hasOperator = ['reset', 'open', 'close', 'let-go'].includes(does);
      expect(control.state).toBe(forced ?? twin.state);
      expect(control.describe(now).counts).toEqual(twin.counts(now));
      checkChain(told, before, control.state, hasOperator);
    }
  });
  fc.assert(property, { numRuns: 1000 });
});

/** Each change begins where the one before it ended; calls alone make only those of the diagram. */
function checkChain(told: readonly string[], before: string, after: string, hasOperator: boolean): void {
  let state = before;
  for (const change of told) {
    const [from, to = ''] = change.split(' ');
    expect(from).toBe(state);
    if (!hasOperator) expect(ALLOWED).toContain(change);
    state = to;
  }
  expect(state).toBe(after);
}

describe('a rule', () => {
  const control = () => new BreakerControl(rule({ minRequestAmount: 5 }), () => undefined);
  const fail = (breaker: BreakerControl, now: number): void => {
    const { active } = breaker;
    active.settle(active.enter(now), now, true, 1);
  };

  test('of the same family keeps what was counted', () => {
    const breaker = control();
    fail(breaker, 1000);
    breaker.rule = rule({ strategy: 'error-count', threshold: 2, minRequestAmount: 1 });
    fail(breaker, 1001);
    expect(breaker.state).toBe('open');
  });

  test('of the other family, or of another window, begins anew', () => {
    const breaker = control();
    fail(breaker, 1000);
    breaker.rule = rule({ strategy: 'adaptive' });
    expect(breaker.describe(1001)).toMatchObject({
      rule: { strategy: 'adaptive', k: 1.5 },
      counts: { total: 0 },
    });
    breaker.rule = rule({});
    fail(breaker, 1000);
    breaker.rule = rule({ statBuckets: 20 });
    expect(breaker.describe(1001).counts.total).toBe(0);
  });

  test('says, when held open, when to ask again', () => {
    const breaker = control();
    breaker.forced = 'open';
    expect(breaker.active.retryAfterMs(0)).toBe(5000);
    expect(breaker.describe(0).lastTransition).toMatchObject({ from: 'closed', to: 'open' });
  });
});
