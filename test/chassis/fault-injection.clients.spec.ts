import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ErrorInfo } from '#generated/google/rpc/error_details';
import { startDependency, type Dependency } from '../support/dependent.js';
import { beginFault, endFaults } from '../support/faulty.js';
import { failureOf, order, Probes } from '../support/index.js';
import { Scrape } from '../support/scrape.js';

const FOREVER_MS = 600_000;

let services: Dependency & AsyncDisposable;
beforeAll(async () => {
  services = await startDependency({ timeoutMs: 500 });
});
afterAll(() => services[Symbol.asyncDispose]());
afterEach(() => endFaults(services.dependent));

const begin = (fault: Readonly<Record<string, unknown>>) =>
  beginFault(services.dependent, { dependencies: ['client:*'], ...fault });
const rest = (headers?: Record<string, string>) => services.dependent.http.get('/dependent', headers);
const unary = () => services.dependent.grpc.unary(Probes.unary, order('sent'));
/** Calls that the other service has had. */
const received = async () => {
  const scrape = await Scrape.of(services.upstream);
  return (
    scrape.sum('http_server_request_duration_seconds_count') +
    scrape.sum('rpc_server_call_duration_seconds_count')
  );
};

test('an unavailable service is one that refuses connections, and hears nothing', async () => {
  const before = await received();
  await begin({ kind: 'unavailable' });
  expect((await rest()).body).toMatchObject({
    status: 503,
    reason: 'UPSTREAM_UNAVAILABLE',
    metadata: { upstream: 'rest', fault: 'refused' },
  });
  expect((await failureOf(unary())).info).toMatchObject({
    reason: 'UPSTREAM_UNAVAILABLE',
    metadata: { upstream: 'grpc', fault: 'refused' },
  });
  expect(await reasonsOf(streams())).toEqual(['UPSTREAM_UNAVAILABLE']);
  expect(await received()).toBe(before);
  const scrape = await Scrape.of(services.dependent);
  expect(scrape.sum('chaos_faults_injected_total', { kind: 'unavailable', target: 'client:rest' })).toBe(1);
  expect(scrape.sum('chaos_faults_injected_total', { kind: 'unavailable', target: 'client:grpc' })).toBe(4);
});

test('an abort is an answer of the other service with that code', async () => {
  await begin({ kind: 'abort', code: 'NOT_FOUND' });
  // What it means for our own caller only the service knows: this one does not.
  expect((await rest()).body.reason).toBe('INTERNAL');
  expect((await failureOf(unary())).reason).toBe('INTERNAL');
  expect(await reasonsOf(streams())).toEqual(['INTERNAL']);
});

test('latency counts against the time of the policy and of the call', async () => {
  await begin({ kind: 'latency', delayMs: 50 });
  const begun = performance.now();
  expect((await rest()).body.reason).toBe('upstream');
  expect(await unary()).toMatchObject({ reason: 'sent' });
  expect(performance.now() - begun).toBeGreaterThan(98);
  await endFaults(services.dependent);
  await begin({ kind: 'latency', delayMs: FOREVER_MS });
  expect((await rest({ 'x-request-timeout-ms': '50' })).body.reason).toBe('DEADLINE_EXCEEDED');
  expect((await rest()).body.code).toBe('DEADLINE_EXCEEDED');
});

test('a cut loses the answer of work that was done', async () => {
  const before = await received();
  await begin({ kind: 'cut' });
  expect((await rest()).body).toMatchObject({
    reason: 'UPSTREAM_UNAVAILABLE',
    metadata: { fault: 'connection_lost' },
  });
  expect((await failureOf(unary())).info?.metadata['fault']).toBe('connection_lost');
  expect(await received()).toBeGreaterThan(before);
});

test('a cut of a stream lets so many messages through', async () => {
  await begin({ kind: 'cut', afterMessages: 3 });
  const messages: ErrorInfo[] = [];
  const stream = services.dependent.grpc.serverStream(Probes.serverStream, order('sent'));
  const failure = failureOf(
    (async () => {
      for await (const message of stream) messages.push(message);
    })(),
  );
  expect((await failure).info).toMatchObject({ metadata: { fault: 'connection_lost' } });
  expect(messages).toHaveLength(3);
});

test('a fault of one client leaves the other alone, and a cut of fewer messages all', async () => {
  await beginFault(services.dependent, { kind: 'unavailable', dependencies: ['client:rest'] });
  await begin({ kind: 'cut', afterMessages: 6 });
  expect((await rest()).status).toBe(503);
  expect(await collect(services.dependent.grpc.serverStream(Probes.serverStream, order('sent')))).toBe(5);
});

async function reasonsOf(calls: Promise<unknown>[]): Promise<unknown[]> {
  const failures = await Promise.all(calls.map(failureOf));
  return [...new Set(failures.map(({ reason }) => reason))];
}

/** One call of every kind of stream, each to its end. */
function streams(): Promise<unknown>[] {
  const { grpc } = services.dependent;
  const bidi = grpc.bidi(Probes.bidi);
  bidi.write(order('sent'));
  bidi.end();
  return [
    collect(grpc.serverStream(Probes.serverStream, order('sent'))),
    grpc.clientStream(Probes.clientStream, [order('sent')]),
    collect(bidi),
  ];
}

async function collect(stream: AsyncIterable<unknown>): Promise<number> {
  let messages = 0;
  for await (const _ of stream) messages += 1;
  return messages;
}
