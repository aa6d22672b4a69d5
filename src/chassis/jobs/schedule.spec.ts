import { describe, expect, test } from 'vitest';
import type { JobOptions } from './job.decorator.js';
import { createSchedule } from './schedule.js';

/** The first times from `from` on, in ISO 8601. */
function times(options: JobOptions, from: string, count: number): string[] {
  const schedule = createSchedule(options);
  const found: string[] = [];
  let after = Date.parse(from);
  while (found.length < count) {
    after = schedule.next(after) ?? NaN;
    found.push(new Date(after).toISOString());
  }
  return found;
}

test('a period is counted from 1970, the same in every instance', () => {
  const every15 = { everyMs: 15_000 };
  expect(times(every15, '2026-01-01T10:00:07Z', 2)).toEqual([
    '2026-01-01T10:00:15.000Z',
    '2026-01-01T10:00:30.000Z',
  ]);
  expect(times(every15, '2026-01-01T10:00:15Z', 1)).toEqual(['2026-01-01T10:00:30.000Z']);
});

test('a cron is meant in UTC unless it says where', () => {
  expect(times({ cron: '30 9 * * 1' }, '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-05T09:30:00.000Z']);
  const tokyo = { cron: '30 9 * * 1', timeZone: 'Asia/Tokyo' };
  expect(times(tokyo, '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-05T00:30:00.000Z']);
});

test('a time that summer time skips runs right after it; one that comes twice runs once', () => {
  const berlin = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' };
  expect(times(berlin, '2026-03-28T12:00:00Z', 2)).toEqual([
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ]);
  expect(times(berlin, '2026-10-24T12:00:00Z', 2)).toEqual([
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ]);
});

describe('a schedule that cannot be is refused with what is wrong', () => {
  test.each([
    [{}, 'needs one of cron and everyMs'],
    [{ cron: '* * * * *', everyMs: 1000 }, 'needs one of cron and everyMs'],
    [{ everyMs: 99 }, 'everyMs 99, which must be a whole number from 100 to a day'],
    [{ everyMs: 1000.5 }, 'everyMs 1000.5'],
    [{ everyMs: NaN }, 'everyMs NaN'],
    [{ everyMs: 1000, timeZone: 'UTC' }, 'timeZone, which is for cron only'],
    [{ cron: '61 * * * *' }, 'has the cron "61 * * * *": Invalid value for minute: 61'],
    [{ cron: '' }, 'has the cron ""'],
    [{ cron: 'tomorrow' }, 'has the cron "tomorrow"'],
    [{ cron: '0 0 30 2 *' }, 'which is never due'],
    [{ cron: '0 3 * * *', timeZone: 'Mars/Olympus' }, '"Mars/Olympus", which is no IANA name'],
  ])('%j', (options, fault) => {
    expect(() => createSchedule(options)).toThrow(fault);
  });
});
