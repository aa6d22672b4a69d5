import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { afterEach, expect, test, vi } from 'vitest';
import { LoadMeter } from './load-meter.js';

afterEach(() => void vi.restoreAllMocks());

/** An event loop of which the test says how long it rests and works. */
function fakeLoop() {
  const passed = { idle: 0, active: 0 };
  const since = (begin?: EventLoopUtilization, before?: EventLoopUtilization): EventLoopUtilization => {
    const { idle, active } = begin ?? passed;
    const rest = idle - (before?.idle ?? 0);
    const work = active - (before?.active ?? 0);
    return { idle: rest, active: work, utilization: work / (rest + work) };
  };
  vi.spyOn(performance, 'eventLoopUtilization').mockImplementation(since);
  vi.spyOn(performance, 'now').mockImplementation(() => passed.idle + passed.active);
  return passed;
}

test('the share is that of a second or more, also for who asks right after somebody else', () => {
  const loop = fakeLoop();
  const meter = new LoadMeter();
  loop.idle += 1000;
  expect(meter.read()).toBe(0);
  loop.active += 1;
  expect(meter.read()).toBeCloseTo(0.001, 3);
  loop.active += 499;
  expect(meter.read()).toBeCloseTo(0.333, 3);
  loop.active += 500;
  expect(meter.read()).toBe(1);
});
