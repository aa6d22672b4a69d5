import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  SimulatedLoop,
  type Arrivals,
  type LoopModel,
  type SimulatedCall,
} from '../support/simulated-loop.js';
import { Admission } from '../../src/chassis/load-shedding/admission.js';
import type { AdmissionRule } from '../../src/chassis/load-shedding/admission-rule.js';

const RULE: AdmissionRule = { delayMs: 20, cpuRatio: 0.9, minInFlight: 10 };
const CRITICAL = 0;
const DEFAULT = 1;
const SHEDDABLE = 2;
const SERVICE_MS = 5;
const REFUSAL_MS = 0.05;
/** Calls a second that the simulated service can serve. */
const CAPACITY = 1000 / SERVICE_MS;
const RUNS = process.env['SOAK'] === undefined ? 300 : 1000;

/** Numbers from 0 up to 1 that are the same for the same seed. Source: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const order = fc.constantFrom('sockets' as const, 'bundle' as const, 'connections' as const);
const seed = fc.integer();

/** Loads as shares of the capacity. */
function load(fromMs: number, untilMs: number, share: number, rank = DEFAULT): Arrivals {
  return { fromMs, untilMs, perSecond: share * CAPACITY, rank };
}

function simulate(
  by: { order: LoopModel['order']; seed: number; hiccup?: { atMs: number; forMs: number } },
  loads: readonly Arrivals[],
  untilMs: number,
): { admission: Admission; calls: readonly SimulatedCall[] } {
  const admission = new Admission(RULE);
  const { hiccup } = by;
  const model = { serviceMs: SERVICE_MS, refusalMs: REFUSAL_MS, order: by.order, ...(hiccup && { hiccup }) };
  return {
    admission,
    calls: new SimulatedLoop(admission, model, randomFrom(by.seed)).run(loads, untilMs).calls,
  };
}

function between(calls: readonly SimulatedCall[], fromMs: number, untilMs: number): SimulatedCall[] {
  return calls.filter(({ arrivedMs }) => arrivedMs >= fromMs && arrivedMs < untilMs);
}

function lossOf(calls: readonly SimulatedCall[], rank: number): number {
  const all = calls.filter((call) => call.rank === rank);
  return all.filter(({ isRefused }) => isRefused).length / Math.max(1, all.length);
}

/** The time that one in a hundred of the admitted calls exceeds, in milliseconds. */
function p99(calls: readonly SimulatedCall[]): number {
  const times = calls
    .filter(({ isRefused }) => !isRefused)
    .map(({ arrivedMs, endedMs }) => endedMs - arrivedMs);
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
}

describe('the event loop as a queue', () => {
  test('where there is time for all, nobody is refused', () => {
    fc.assert(
      fc.property(order, seed, fc.double({ min: 0.05, max: 0.6, noNaN: true }), (order, seed, share) => {
        const { calls } = simulate({ order, seed }, [load(0, 5000, share)], 6000);
        expect(lossOf(calls, DEFAULT)).toBeLessThan(0.02);
      }),
      { numRuns: RUNS },
    );
  });

  test('under any overload the work goes on and nobody waits long', () => {
    fc.assert(
      fc.property(order, seed, fc.double({ min: 1.5, max: 8, noNaN: true }), (order, seed, share) => {
        const { calls } = simulate({ order, seed }, [load(0, 500, 0.3), load(500, 5500, share)], 6500);
        const settled = between(calls, 1500, 5500);
        const served = settled.filter(({ isRefused }) => !isRefused).length;
        // What the refusals cost is not there for calls.
        const possible = 4 * CAPACITY * (1 - (share * REFUSAL_MS) / SERVICE_MS);
        expect(served).toBeGreaterThan(0.85 * possible);
        expect(p99(settled)).toBeLessThan(5 * RULE.delayMs);
      }),
      { numRuns: RUNS },
    );
  });

  test('it does not swing: in no second of a steady overload does the work sink', () => {
    fc.assert(
      fc.property(order, seed, fc.double({ min: 2, max: 5, noNaN: true }), (order, seed, share) => {
        const { calls } = simulate({ order, seed }, [load(0, 8000, share)], 8000);
        for (let second = 1; second < 7; second++) {
          const served = calls.filter(
            ({ isRefused, endedMs }) => !isRefused && Math.floor(endedMs / 1000) === second,
          );
          expect(served.length).toBeGreaterThan(0.8 * CAPACITY);
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('a second after the overload nobody is refused any more', () => {
    fc.assert(
      fc.property(order, seed, fc.double({ min: 1.5, max: 6, noNaN: true }), (order, seed, share) => {
        const loads = [load(0, 4000, share), load(4000, 9000, 0.5)];
        const { admission, calls } = simulate({ order, seed }, loads, 9000);
        expect(lossOf(between(calls, 6000, 9000), DEFAULT)).toBeLessThan(0.02);
        expect(admission.isShedding).toBe(false);
      }),
      { numRuns: RUNS },
    );
  });

  test('what is sheddable goes first and what is critical last', () => {
    fc.assert(
      fc.property(order, seed, fc.double({ min: 2, max: 4, noNaN: true }), (order, seed, share) => {
        const mix = [
          load(500, 6500, share * 0.1, CRITICAL),
          load(500, 6500, share * 0.6, DEFAULT),
          load(500, 6500, share * 0.3, SHEDDABLE),
        ];
        const { calls } = simulate({ order, seed }, [load(0, 500, 0.3), ...mix], 7000);
        const settled = between(calls, 1500, 6500);
        expect(lossOf(settled, CRITICAL)).toBeLessThan(0.02);
        expect(lossOf(settled, SHEDDABLE)).toBeGreaterThan(0.9);
      }),
      { numRuns: RUNS },
    );
  });

  test('one long turn of the loop is no overload', () => {
    fc.assert(
      fc.property(order, seed, fc.integer({ min: 50, max: 200 }), (order, seed, forMs) => {
        const hiccup = { atMs: 1000, forMs };
        const { calls } = simulate({ order, seed, hiccup }, [load(0, 3000, 0.1)], 4000);
        expect(lossOf(calls, DEFAULT)).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Served before: a hundred a second, each in ten milliseconds. */
function served(): Admission {
  const admission = new Admission(RULE);
  for (let now = 10; now <= 1000; now += 10) {
    admission.judge(DEFAULT, now - 10);
    admission.began(DEFAULT, now - 10);
    admission.ended(DEFAULT, now - 10, 10);
    admission.turned(now, 2, 8);
  }
  return admission;
}

/** How many of forty that come and do not end are admitted, and what the others are refused for. */
function pileUp(admission: Admission, now: number): { admitted: number; reasons: Set<string> } {
  const reasons = Array.from({ length: 40 }, () => {
    const reason = admission.judge(DEFAULT, now);
    if (reason === undefined) admission.began(DEFAULT, now);
    return reason;
  });
  const refused = reasons.filter((reason) => reason !== undefined);
  return { admitted: 40 - refused.length, reasons: new Set(refused) };
}

describe('calls under way', () => {
  test('may be as many as wait for others while there is time', () => {
    expect(pileUp(served(), 1005)).toEqual({ admitted: 40, reasons: new Set() });
  });

  test('are limited while the CPU is saturated although the loop is not', () => {
    const admission = served();
    admission.measured(0.95);
    admission.turned(1010, 2, 8);
    const { admitted, reasons } = pileUp(admission, 1010);
    expect(reasons).toEqual(new Set(['cpu']));
    expect(admitted).toBe(RULE.minInFlight);
  });

  test('are limited while the loop has no rest although nobody waits for it', () => {
    const admission = served();
    for (let now = 1001; now <= 1200; now++) {
      admission.turned(now, 1, 0);
      admission.judge(DEFAULT, now);
    }
    const { admitted, reasons } = pileUp(admission, 1200);
    expect(reasons).toEqual(new Set(['concurrency']));
    expect(admitted).toBe(RULE.minInFlight);
  });
});
