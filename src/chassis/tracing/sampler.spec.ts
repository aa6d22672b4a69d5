import { ROOT_CONTEXT } from '@opentelemetry/api';
import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { newTraceId } from '../context/index.js';
import { Sampler } from './sampler.js';

test.each([0, 0.1, 0.5, 0.999, 1])("a ratio of %d decides as OpenTelemetry's SDK does", (ratio) => {
  const ours = new Sampler(ratio, false);
  const theirs = new TraceIdRatioBasedSampler(ratio);
  for (let index = 0; index < 2000; index++) {
    const traceId = newTraceId().digits;
    const decision =
      theirs.shouldSample(ROOT_CONTEXT, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED;
    expect(ours.isSampled(traceId, undefined)).toBe(decision);
  }
});

test('follows the parent only when it is parent-based', () => {
  expect([
    new Sampler(0, true).isSampled(newTraceId().digits, 1),
    new Sampler(1, true).isSampled(newTraceId().digits, 0),
  ]).toEqual([true, false]);
  expect([
    new Sampler(0, false).isSampled(newTraceId().digits, 1),
    new Sampler(1, false).isSampled(newTraceId().digits, 0),
  ]).toEqual([false, true]);
});

test.each([-0.1, 1.1, Number.NaN])('%d is no ratio', (ratio) => {
  expect(() => new Sampler(ratio, true)).toThrow(RangeError);
});
