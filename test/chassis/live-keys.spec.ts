import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ChassisConfig } from '#chassis/config';
import { FeatureFlags } from '#chassis/flags';
import { LogLevels } from '#chassis/logging';
import { RateLimits } from '#chassis/rate-limit';
import { Tracing } from '#chassis/tracing';
import { changeConfig, failureOf, order, TestApp } from '../support/index.js';
import { Limited, limitsService } from '../support/limits.js';

const OURS = 'https://app.example.org';
const MINUTE_MS = 60_000;
const lines: Record<string, unknown>[] = [];
let app: TestApp;
let initial: Partial<ChassisConfig>;
const change = (changes: Partial<ChassisConfig>) => changeConfig(app.service.config, changes);

const put = (path: string, body: object) =>
  app.management.send(path, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

beforeAll(async () => {
  app = await TestApp.start({
    service: limitsService,
    config: {
      LOG_LEVEL: 'warn',
      // Nobody is there; spans are made all the same.
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    },
    logTo: { write: (text) => lines.push(JSON.parse(text) as Record<string, unknown>) },
  });
  const { config } = app.service;
  initial = Object.fromEntries(
    (
      [
        'LOG_LEVEL',
        'LOG_LEVELS',
        'RATE_LIMIT_POLICIES',
        'CORS_ORIGINS',
        'LOG_CALL_SAMPLE_RATIO',
        'FEATURE_FLAGS',
      ] as const
    ).map((key) => [key, config.get(key)]),
  );
});
beforeEach(() => change(initial));
afterAll(() => app.stop());

describe('log levels', () => {
  const written = async (): Promise<number> => {
    lines.length = 0;
    for (let index = 0; index < 20; index++) await app.http.get('/limits/free');
    return lines.filter(({ msg }) => msg === 'call').length;
  };

  test('LOG_LEVEL holds from the next line on', async () => {
    expect(await written()).toBe(0);
    await change({ LOG_LEVEL: 'info' });
    expect(await written()).toBe(20);
  });

  test('LOG_LEVELS are those of single contexts, and go with the key', async () => {
    const levels = app.get(LogLevels);
    await change({ LOG_LEVELS: 'Database=debug, RateLimits=silent' });
    expect([levels.describe('Database'), levels.describe('RateLimits').effectiveLevel]).toEqual([
      { configuredLevel: 'debug', effectiveLevel: 'debug' },
      'silent',
    ]);
    await change({ LOG_LEVELS: 'Database=error' });
    expect([
      levels.describe('Database').effectiveLevel,
      levels.describe('RateLimits').configuredLevel,
    ]).toEqual(['error', null]);
  });

  test('what an operator sets stays until the configuration says something new of it, and null brings that back', async () => {
    await change({ LOG_LEVELS: 'Database=debug' });
    await put('/loggers/Database', { level: 'fatal' });
    await put('/loggers', { level: 'error' });
    await change({ LOG_CALL_SAMPLE_RATIO: 0.5, LOG_LEVELS: 'Database=debug,Other=info' });
    const { body } = await app.management.get('/loggers');
    expect([body.root.effectiveLevel, body.contexts.Database.effectiveLevel]).toEqual(['error', 'fatal']);
    await put('/loggers/Database', { level: null });
    expect(app.get(LogLevels).describe('Database').effectiveLevel).toBe('debug');
    await change({ LOG_LEVEL: 'info' });
    expect(app.get(LogLevels).describeRoot().effectiveLevel).toBe('info');
  });

  test('LOG_CALL_SAMPLE_RATIO holds from the next call on', async () => {
    await change({ LOG_LEVEL: 'info', LOG_CALL_SAMPLE_RATIO: 0 });
    expect(await written()).toBe(0);
  });
});

test('the sampler of traces and its share hold from the next trace on', async () => {
  const { sampler } = app.get(Tracing);
  await change({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 0.25 });
  expect([sampler.ratio, sampler.isParentBased]).toEqual([0.25, false]);
  await change({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
  expect([sampler.ratio, sampler.isParentBased]).toEqual([0, true]);
  await change({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' });
  expect([sampler.ratio, sampler.isParentBased]).toEqual([1, true]);
});

describe('RATE_LIMIT_POLICIES', () => {
  const policy = (limit: number, more: Partial<ChassisConfig['RATE_LIMIT_POLICIES'][number]> = {}) => ({
    name: 'added',
    limit,
    windowMs: MINUTE_MS,
    by: 'all' as const,
    cost: 1,
    per: 'call' as const,
    excess: 'refuse' as const,
    ...more,
  });
  const statuses = async (count: number, path = '/limits/free') => {
    const answers: number[] = [];
    for (let index = 0; index < count; index++) answers.push((await app.http.get(path)).status);
    return answers;
  };

  test('may be added, changed with their buckets kept, and taken away', async () => {
    const routes = { routes: ['/limits/free'] };
    await change({ RATE_LIMIT_POLICIES: [policy(2, routes)] });
    expect(await statuses(1)).toEqual([200]);
    await change({ RATE_LIMIT_POLICIES: [policy(4, routes)] });
    // Half of the bucket was taken before, and still is.
    expect(await statuses(3)).toEqual([200, 200, 429]);
    await change({ RATE_LIMIT_POLICIES: [] });
    expect(await statuses(5)).toEqual([200, 200, 200, 200, 200]);
    expect(app.get(RateLimits).find('added')).toBeUndefined();
  });

  test('hold for other calls once they name them, on both transports', async () => {
    await change({ RATE_LIMIT_POLICIES: [policy(1, { routes: ['/limits/free'] })] });
    expect(await statuses(2)).toEqual([200, 429]);
    await change({
      RATE_LIMIT_POLICIES: [policy(1, { rpcs: ['limits.v1.LimitService/Un*'], name: 'other' })],
    });
    expect(await statuses(2)).toEqual([200, 200]);
    await app.grpc.unary(Limited.unary, order('echo'));
    expect(await failureOf(app.grpc.unary(Limited.unary, order('echo')))).toMatchObject({
      reason: 'RATE_LIMITED',
      info: { metadata: { policy: 'other' } },
    });
    await app.grpc.unary(Limited.heavy, order('echo'));
  });

  test("keep an operator's change while they say the same, and lose it when they say something new", async () => {
    const routes = { routes: ['/limits/free'] };
    await change({ RATE_LIMIT_POLICIES: [policy(5, routes)] });
    await put('/rate-limits/added', { limit: 7 });
    await change({ RATE_LIMIT_POLICIES: [policy(5, routes), policy(9, { name: 'second' })] });
    expect(app.get(RateLimits).find('added')?.quota.limit).toBe(7);
    await change({ RATE_LIMIT_POLICIES: [policy(6, routes)] });
    expect(app.get(RateLimits).find('added')?.quota.limit).toBe(6);
  });

  test('are refused when code defines one of the name in another way; then all stays', async () => {
    await change({ RATE_LIMIT_POLICIES: [policy(2, { routes: ['/limits/free'] })] });
    const wrong = [policy(99, { name: 'wide' })];
    await expect(change({ RATE_LIMIT_POLICIES: wrong })).rejects.toThrow(/"wide" is defined twice/);
    expect(await statuses(3)).toEqual([200, 200, 429]);
  });
});

describe('CORS', () => {
  const allowed = async () =>
    (await app.http.get('/limits/free', { origin: OURS })).headers.get('access-control-allow-origin');

  test('opens and closes while the service runs', async () => {
    expect(await allowed()).toBeNull();
    await change({ CORS_ORIGINS: OURS, CORS_MAX_AGE_S: 7 });
    expect(await allowed()).toBe(OURS);
    const preflight = await app.http.send('/limits/free', {
      method: 'OPTIONS',
      headers: { origin: OURS, 'access-control-request-method': 'GET' },
    });
    expect([preflight.status, preflight.headers.get('access-control-max-age')]).toEqual([204, '7']);
    await change({ CORS_ORIGINS: 'https://other.example.org' });
    expect(await allowed()).toBeNull();
  });

  test('is not opened for all with credentials', async () => {
    const wrong = change({ CORS_ORIGINS: '*', CORS_CREDENTIALS: 'true' });
    await expect(wrong).rejects.toThrow(/CORS_CREDENTIALS: must be false/);
    expect(await allowed()).toBeNull();
  });
});

describe('FEATURE_FLAGS', () => {
  const flag = (more: object) => ({ name: 'new-checkout', enabled: true, ...more });
  const isOn = (key?: string) => app.get(FeatureFlags).isOn('new-checkout', key);

  test('are off until they are there, and follow the configuration', async () => {
    expect(isOn()).toBe(false);
    await change({ FEATURE_FLAGS: [flag({})] });
    expect(isOn()).toBe(true);
    await change({ FEATURE_FLAGS: [flag({ enabled: false })] });
    expect(isOn()).toBe(false);
    const { body } = await app.management.get('/metrics');
    expect(body).toMatch(/feature_flag_evaluations_total\{flag="new-checkout",result="on"\} 1/);
  });

  test('are on for those who are named, and for the same share of all others', async () => {
    await change({ FEATURE_FLAGS: [flag({ principals: ['ann'] })] });
    expect([isOn('ann'), isOn('bob'), isOn()]).toEqual([true, false, false]);
    await change({ FEATURE_FLAGS: [flag({ percentage: 30 })] });
    const keys = Array.from({ length: 1000 }, (_, index) => `user-${index}`);
    const first = keys.filter((key) => isOn(key));
    // The keys are always the same, and so is what becomes of them.
    expect(first.length).toBeGreaterThan(250);
    expect(first.length).toBeLessThan(350);
    expect(keys.filter((key) => isOn(key))).toEqual(first);
    await change({ FEATURE_FLAGS: [flag({ percentage: 60 })] });
    expect(first.every((key) => isOn(key))).toBe(true);
  });
});
