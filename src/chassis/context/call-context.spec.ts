import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HttpCall } from './http-call.js';
import { currentCall, runInCall } from './call-store.js';

const toFake = ['setTimeout', 'clearTimeout', 'Date', 'performance'] as const;
beforeEach(() => vi.useFakeTimers({ now: 1_000_000, toFake: [...toFake] }));
afterEach(() => vi.useRealTimers());

const late = new Error('late');

test('expires once its time is over, with the given reason', () => {
  const call = new HttpCall('r', 'GET', '/');
  const { signal } = call;
  call.expireAfter(100, () => late);
  vi.advanceTimersByTime(60);
  expect([call.remainingMs, signal.aborted]).toEqual([40, false]);
  vi.advanceTimersByTime(40);
  expect([call.remainingMs, signal.aborted, signal.reason]).toEqual([0, true, late]);
});

test('a closed call does not expire any more', () => {
  const call = new HttpCall('r', 'GET', '/');
  call.expireAfter(100, () => late);
  call.close();
  vi.advanceTimersByTime(1000);
  expect(call.abortReason).toBeUndefined();
});

test('a deadline that no timer can wait for is kept and harmless', () => {
  const call = new HttpCall('r', 'GET', '/');
  call.expireAfter(1e12, () => late);
  vi.advanceTimersByTime(1000);
  expect(call.abortReason).toBeUndefined();
  expect(call.remainingMs).toBe(1e12 - 1000);
});

test('has no deadline unless it is given one', () => {
  const call = new HttpCall('r', 'GET', '/');
  expect([call.deadline, call.remainingMs]).toEqual([Infinity, Infinity]);
});

test('only the first reason counts, and the edge hears it before the signal', () => {
  const call = new HttpCall('r', 'GET', '/');
  const heard: string[] = [];
  call.whenAborted(() => heard.push('edge'));
  call.signal.addEventListener('abort', () => heard.push('signal'));
  call.abort(late);
  call.abort(new Error('later'));
  expect([call.abortReason, heard]).toEqual([late, ['edge', 'signal']]);
});

test('a signal asked for after the abort is aborted', () => {
  const call = new HttpCall('r', 'GET', '/');
  call.abort(late);
  expect(call.signal.reason).toBe(late);
});

test('everything that a call starts sees the call', async () => {
  vi.useRealTimers();
  const call = new HttpCall('r', 'GET', '/');
  const seen = await runInCall(call, async () => {
    await Promise.resolve();
    return new Promise((resolve) => setTimeout(() => resolve(currentCall()), 1));
  });
  expect(seen).toBe(call);
  expect(currentCall()).toBeUndefined();
});
