import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

const BEGIN = 1_000_000;

test('lets the limit through in a minute and holds the next one until the first is a minute old', () => {
  const pace = new Pace({ messagesPerMinute: 20, pauseMs: 1000 });
  for (let index = 0; index < 20; index += 1) {
    expect(pace.waitMs(BEGIN + index * 1000)).toBe(0);
    pace.take(BEGIN + index * 1000);
  }
  expect(pace.waitMs(BEGIN + 20_000)).toBe(40_000);
  expect(pace.waitMs(BEGIN + 59_999)).toBe(1);
  expect(pace.waitMs(BEGIN + 60_000)).toBe(0);
});

test('a second message of the same minute waits for the second one', () => {
  const pace = new Pace({ messagesPerMinute: 2, pauseMs: 1000 });
  pace.take(BEGIN);
  pace.take(BEGIN + 10_000);
  expect(pace.waitMs(BEGIN + 60_000)).toBe(0);
  pace.take(BEGIN + 60_000);
  expect(pace.waitMs(BEGIN + 60_000)).toBe(10_000);
});

test('pauses twice as long each time, up to the ten minutes that DingTalk shuts a robot out', () => {
  const pace = new Pace({ messagesPerMinute: 20, pauseMs: 100_000 });
  const pauses = [1, 2, 3, 4, 5].map(() => {
    pace.pause(BEGIN);
    return pace.waitMs(BEGIN);
  });
  expect(pauses).toEqual([100_000, 200_000, 400_000, 600_000, 600_000]);
});

test('begins anew with the short pause once a message was taken', () => {
  const pace = new Pace({ messagesPerMinute: 20, pauseMs: 1000 });
  pace.pause(BEGIN);
  pace.pause(BEGIN);
  pace.resume();
  pace.pause(BEGIN);
  expect(pace.waitMs(BEGIN)).toBe(1000);
});
