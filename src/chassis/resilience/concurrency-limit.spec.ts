import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Attempt } from './attempt.js';
import { ConcurrencyLimit } from './concurrency-limit.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const OPTIONS = { maxConcurrent: 2, maxQueued: 2, maxWaitMs: 100 };

/** What became of a caller so far. */
interface Caller {
  state: 'waits' | 'runs' | 'refused' | 'ended';
  readonly limits: Attempt;
}

function enter(bulkhead: ConcurrencyLimit, limitMs = Infinity): Caller {
  const caller: Caller = { state: 'waits', limits: new Attempt(1) };
  caller.limits.limitTo(limitMs);
  const answer = bulkhead.enter(caller.limits);
  const note = (isAdmitted: boolean): void => void (caller.state = isAdmitted ? 'runs' : 'refused');
  if (typeof answer === 'boolean') note(answer);
  else void answer.then(note);
  return caller;
}

test('who waits longest is next, and who finds the queue full is refused at once', async () => {
  const bulkhead = new ConcurrencyLimit(OPTIONS);
  const callers = Array.from({ length: 5 }, () => enter(bulkhead));
  expect(callers.map(({ state }) => state)).toEqual(['runs', 'runs', 'waits', 'waits', 'refused']);
  bulkhead.leave();
  await vi.advanceTimersByTimeAsync(0);
  expect(callers.map(({ state }) => state)).toEqual(['runs', 'runs', 'runs', 'waits', 'refused']);
});

test('nobody waits longer than the limits: its own, and the caller’s', async () => {
  const bulkhead = new ConcurrencyLimit(OPTIONS);
  const callers = [enter(bulkhead), enter(bulkhead), enter(bulkhead), enter(bulkhead, 40)];
  await vi.advanceTimersByTimeAsync(40);
  expect(callers[3]?.state).toBe('refused');
  await vi.advanceTimersByTimeAsync(60);
  expect(callers[2]?.state).toBe('refused');
  expect([bulkhead.running, bulkhead.queued]).toEqual([2, 0]);
});

test('a smaller bound lets those who run go on, and no other begin', async () => {
  const bulkhead = new ConcurrencyLimit(OPTIONS);
  const callers = [enter(bulkhead), enter(bulkhead), enter(bulkhead)];
  bulkhead.options = { ...OPTIONS, maxConcurrent: 1 };
  bulkhead.leave();
  await vi.advanceTimersByTimeAsync(0);
  expect(callers[2]?.state).toBe('waits');
  bulkhead.leave();
  await vi.advanceTimersByTimeAsync(0);
  expect(callers[2]?.state).toBe('runs');
});

test('a larger bound lets those who wait begin, before any who come later', async () => {
  const bulkhead = new ConcurrencyLimit({ ...OPTIONS, maxConcurrent: 1 });
  const callers = [enter(bulkhead), enter(bulkhead), enter(bulkhead)];
  bulkhead.options = { ...OPTIONS, maxConcurrent: 3 };
  callers.push(enter(bulkhead));
  await vi.advanceTimersByTimeAsync(0);
  expect(callers.map(({ state }) => state)).toEqual(['runs', 'runs', 'runs', 'waits']);
});

const options = fc.record({
  maxConcurrent: fc.integer({ min: 1, max: 4 }),
  maxQueued: fc.integer({ min: 0, max: 4 }),
  maxWaitMs: fc.integer({ min: 1, max: 100 }),
});
const steps = fc.array(
  fc.record({
    does: fc.constantFrom('enter', 'enter', 'leave', 'give-up', 'wait'),
    ms: fc.integer({ min: 1, max: 60 }),
    which: fc.nat(),
  }),
  { maxLength: 60 },
);

test('it does what a list of callers, looked through each time, would do', async () => {
  const property = fc.asyncProperty(options, steps, async (limits, history) => {
    const bulkhead = new ConcurrencyLimit(limits);
    const callers: Caller[] = [];
    const model: { state: Caller['state']; since: number }[] = [];
    const inState = (state: Caller['state']): number[] =>
      model.flatMap((one, index) => (one.state === state ? [index] : []));
    for (const { does, ms, which } of history) {
      const now = Date.now();
      if (does === 'enter') {
        callers.push(enter(bulkhead));
        const hasPlace = inState('runs').length < limits.maxConcurrent;
        const mayWait = inState('waits').length < limits.maxQueued;
        model.push({ state: hasPlace ? 'runs' : mayWait ? 'waits' : 'refused', since: now });
      } else if (does === 'wait') {
        await vi.advanceTimersByTimeAsync(ms);
        for (const one of model)
          if (one.state === 'waits' && one.since + limits.maxWaitMs <= now + ms) one.state = 'refused';
      } else {
        const candidates = inState(does === 'leave' ? 'runs' : 'waits');
        const index = candidates[which % Math.max(1, candidates.length)];
        if (index === undefined) continue;
        const [caller, one] = [callers[index], model[index]];
        if (!caller || !one) continue;
        if (does === 'give-up') {
          caller.limits.abort(new Error('given up'));
          one.state = 'refused';
        } else {
          bulkhead.leave();
          caller.state = one.state = 'ended';
          const next = model[inState('waits')[0] ?? -1];
          if (next) next.state = 'runs';
        }
      }
      await vi.advanceTimersByTimeAsync(0);
      expect(callers.map(({ state }) => state)).toEqual(model.map(({ state }) => state));
      expect(bulkhead.running).toBe(inState('runs').length);
      expect(bulkhead.queued).toBe(inState('waits').length);
    }
  });
  await fc.assert(property, { numRuns: 1000 });
});
