import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ExpiryQueue } from './expiry-queue.js';
import { HttpCall } from './http-call.js';

beforeEach(
  () => void vi.useFakeTimers({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }),
);
afterEach(() => vi.useRealTimers());

const late = new Error('late');

function begin(queue: ExpiryQueue): HttpCall {
  const call = new HttpCall('r', 'GET', '/');
  call.expireIn(queue);
  return call;
}

test('each call expires when its own time is over', () => {
  const queue = new ExpiryQueue(100, () => late);
  const first = begin(queue);
  vi.advanceTimersByTime(60);
  const second = begin(queue);
  expect([first.remainingMs, second.remainingMs]).toEqual([40, 100]);
  vi.advanceTimersByTime(40);
  expect([first.abortReason, second.abortReason]).toEqual([late, undefined]);
  expect([first.remainingMs, second.deadline]).toEqual([0, 160]);
  vi.advanceTimersByTime(60);
  expect(second.abortReason).toBe(late);
});

test('one timer watches over all calls, and none is left when they have ended', () => {
  const queue = new ExpiryQueue(100, () => late);
  const calls = Array.from({ length: 50 }, () => begin(queue));
  expect(vi.getTimerCount()).toBe(1);
  for (const call of calls) call.close();
  vi.advanceTimersByTime(100);
  expect(vi.getTimerCount()).toBe(0);
  expect(calls.some(({ abortReason }) => abortReason)).toBe(false);
});

test('a time that no timer can wait for never comes too early', () => {
  const queue = new ExpiryQueue(2 ** 32, () => late);
  const call = begin(queue);
  vi.advanceTimersByTime(2 ** 32 - 1);
  expect(call.abortReason).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect(call.abortReason).toBe(late);
});

test('whoever ends when, a call expires if and only if it is open when its time is over', () => {
  const timeoutMs = 100;
  const step = fc.oneof(
    fc.record({ begin: fc.constant(true) }),
    fc.record({ end: fc.nat({ max: 20 }) }),
    fc.record({ wait: fc.integer({ min: 1, max: 60 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ExpiryQueue(timeoutMs, () => late);
      const calls: { call: HttpCall; beganAt: number; endedAt: number }[] = [];
      for (const each of steps) {
        if ('begin' in each) calls.push({ call: begin(queue), beganAt: Date.now(), endedAt: Infinity });
        else if ('wait' in each) vi.advanceTimersByTime(each.wait);
        else {
          const chosen = calls[each.end];
          if (chosen?.endedAt !== Infinity) continue;
          chosen.endedAt = Date.now();
          chosen.call.close();
        }
      }
      const now = Date.now();
      for (const { call, beganAt, endedAt } of calls) {
        const isLate = Math.min(endedAt, now) - beganAt >= timeoutMs;
        expect(call.abortReason).toBe(isLate ? late : undefined);
      }
      for (const { call, endedAt } of calls) if (endedAt === Infinity) call.close();
      vi.advanceTimersByTime(timeoutMs);
    }),
  );
});
