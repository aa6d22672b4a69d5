import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { JobTimer } from './job-timer.js';
import { createSchedule } from './schedule.js';

const NOW = Date.parse('2026-05-04T10:00:30Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const due: string[] = [];
let timer: JobTimer;
beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  due.length = 0;
  timer = new JobTimer(createSchedule({ cron: '* * * * *' }), (at) => due.push(new Date(at).toISOString()));
  timer.start();
});
afterEach(() => {
  timer.stop();
  vi.useRealTimers();
});

/** The clock is set; what waits goes on waiting. */
const setClock = (at: number) => vi.setSystemTime(at);

test('a clock that is set back finds no time again', () => {
  vi.advanceTimersByTime(MINUTE_MS);
  setClock(Date.now() - HOUR_MS);
  vi.advanceTimersByTime(HOUR_MS);
  expect(due).toEqual(['2026-05-04T10:01:00.000Z']);
  vi.advanceTimersByTime(MINUTE_MS);
  expect(due).toEqual(['2026-05-04T10:01:00.000Z', '2026-05-04T10:02:00.000Z']);
});

test('a clock that ran a year ahead for a while does not stop the schedule for a year', () => {
  setClock(Date.parse('2027-05-04T10:00:30Z'));
  vi.advanceTimersByTime(MINUTE_MS);
  expect(due).toEqual(['2026-05-04T10:01:00.000Z']);
  setClock(NOW + MINUTE_MS);
  vi.advanceTimersByTime(2 * MINUTE_MS);
  expect(due.slice(1)).toEqual(['2026-05-04T10:03:00.000Z']);
  expect(timer.nextAt).toBe(Date.parse('2026-05-04T10:04:00Z'));
});
