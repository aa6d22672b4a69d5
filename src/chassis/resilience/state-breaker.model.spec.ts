import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StateBreakerRule } from './breaker-rule.js';
import { StateBreaker, REFUSED, type BreakerState } from './state-breaker.js';

const DIAGRAM = ['closed open', 'open half-open', 'half-open open', 'half-open closed'];

/** The breaker as one would first write it: it remembers every call and looks at all of them each time. */
class Model {
  state: BreakerState = 'closed';
  era = 0;
  openedAt = 0;
  ended: { at: number; bad: boolean }[] = [];
  probes: { ticket: number; at: number }[] = [];
  successes = 0;

  constructor(readonly rule: StateBreakerRule) {}

  to(state: BreakerState, now: number): void {
    this.state = state;
    this.era += 1;
    this.ended = [];
    this.probes = [];
    this.successes = 0;
    if (state === 'open') this.openedAt = now;
  }

  /** Whether the call may be made. */
  enter(now: number, ticket: number): boolean {
    if (this.state === 'open' && now - this.openedAt >= this.rule.retryTimeoutMs) this.to('half-open', now);
    if (this.state === 'closed') return true;
    if (this.state === 'open') return false;
    if (this.probes.some(({ at }) => now - at >= this.rule.probeTimeoutMs)) {
      this.to('open', now);
      return false;
    }
    if (this.probes.length + this.successes >= this.rule.probeNum) return false;
    this.probes.push({ ticket, at: now });
    return true;
  }

  settle(call: { ticket: number; era: number }, now: number, isFailed: boolean, durationMs: number): void {
    if (call.era !== this.era) return;
    const { rule } = this;
    const bad = rule.strategy === 'slow-call-ratio' ? durationMs > rule.maxAllowedRtMs : isFailed;
    if (this.state === 'half-open') {
      if (!this.probes.some(({ ticket }) => ticket === call.ticket)) return;
      this.probes = this.probes.filter(({ ticket }) => ticket !== call.ticket);
      if (bad) this.to('open', now);
      else if (++this.successes >= rule.probeNum) this.to('closed', now);
      return;
    }
    this.ended.push({ at: now, bad });
    const part = (at: number): number => Math.floor(at / (rule.statIntervalMs / rule.statBuckets));
    const inside = this.ended.filter(({ at }) => part(at) > part(now) - rule.statBuckets);
    const bads = inside.filter((one) => one.bad).length;
    const isTripped =
      rule.strategy === 'error-count' ? bads >= rule.threshold : bads >= rule.threshold * inside.length;
    if (inside.length >= rule.minRequestAmount && isTripped) this.to('open', now);
  }

  release(ticket: number): void {
    this.probes = this.probes.filter((probe) => probe.ticket !== ticket);
  }
}

const common = fc.record({
  retryTimeoutMs: fc.integer({ min: 1, max: 500 }),
  minRequestAmount: fc.integer({ min: 1, max: 6 }),
  statIntervalMs: fc.integer({ min: 10, max: 2000 }),
  statBuckets: fc.integer({ min: 1, max: 10 }),
  probeNum: fc.integer({ min: 1, max: 4 }),
  probeTimeoutMs: fc.integer({ min: 1, max: 300 }),
});
const ratio = fc.double({ min: 0.05, max: 1, noNaN: true });
const RULES: readonly [string, fc.Arbitrary<StateBreakerRule>][] = [
  [
    'error-ratio',
    fc.tuple(common, ratio).map(([rule, threshold]) => ({ ...rule, strategy: 'error-ratio', threshold })),
  ],
  [
    'error-count',
    fc
      .tuple(common, fc.integer({ min: 1, max: 8 }))
      .map(([rule, threshold]) => ({ ...rule, strategy: 'error-count', threshold })),
  ],
  [
    'slow-call-ratio',
    fc
      .tuple(common, ratio)
      .map(([rule, threshold]) => ({ ...rule, strategy: 'slow-call-ratio', threshold, maxAllowedRtMs: 50 })),
  ],
];
const step = fc.record({
  pauseMs: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 600 })),
  does: fc.constantFrom('enter', 'enter', 'enter', 'settle', 'settle', 'release'),
  isFailed: fc.boolean(),
  durationMs: fc.integer({ min: 0, max: 100 }),
  which: fc.nat(),
});

test.each(RULES)(
  '%s does what the plain model does, and changes its state along the diagram only',
  (_, rules) => {
    const property = fc.property(rules, fc.array(step, { maxLength: 120 }), (rule, steps) => {
      const breaker = new StateBreaker(rule);
      const model = new Model(rule);
      breaker.onTransition((from, to) => expect(DIAGRAM).toContain(`${from} ${to}`));
      const running: { ticket: number; modelTicket: number; era: number }[] = [];
      let now = 1e6;
      for (const [modelTicket, { pauseMs, does, isFailed, durationMs, which }] of steps.entries()) {
        now += pauseMs;
        if (does === 'enter') {
          const ticket = breaker.enter(now);
          expect(ticket !== REFUSED).toBe(model.enter(now, modelTicket));
          if (ticket !== REFUSED) running.push({ ticket, modelTicket, era: model.era });
        } else {
          const [one] = running.splice(which % Math.max(1, running.length), 1);
          if (!one) continue;
          const { ticket, modelTicket: known, era } = one;
          if (does === 'release') {
            breaker.release(ticket);
            model.release(known);
          } else {
            breaker.settle(ticket, now, isFailed, durationMs);
            model.settle({ ticket: known, era }, now, isFailed, durationMs);
          }
        }
        expect(breaker.state).toBe(model.state);
      }
    });
    fc.assert(property, { numRuns: 1000 });
  },
);
