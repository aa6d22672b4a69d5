import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { ITEM_BODY } from './callers.ts';
import { callGrpc, callHttp } from './probes.ts';
import type { Target, World } from './target.ts';

const TELEMETRY_LIMIT_MS = 10_000;
const ITEM = {
  id: 'item-1',
  name: 'Item 1',
  priceAmount: 1299,
  tags: ['red', 'small'],
  createdAt: '2026-01-02T03:04:05.678Z',
};

/** Holds a target to the same answers and the telemetry that it claims. @throws naming target and difference */
export async function assertSame(target: Target, world: World): Promise<void> {
  try {
    if (target.spec.transports.includes('http')) await assertHttp(target, world);
    if (target.spec.transports.includes('grpc')) await assertGrpc(target, world);
  } catch (error) {
    throw new Error(`${target.spec.name} is not the same as the others: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function assertHttp(target: Target, world: World): Promise<void> {
  const port = target.ports.PORT;
  const good = { authorization: `Bearer ${world.callers.tokens[0]}` };
  const json = { ...good, 'content-type': 'application/json' };
  const get = await callHttp(port, 'GET', '/v1/items/item-1', good);
  assert.equal(get.status, 200);
  assert.deepEqual(JSON.parse(get.body), ITEM);
  assert.equal((await callHttp(port, 'GET', '/v1/items/none', good)).status, 404, 'unknown item');

  const created = await callHttp(port, 'POST', '/v1/items', json, ITEM_BODY);
  assert.equal(created.status, 201, created.body);
  const { id, createdAt, ...rest } = JSON.parse(created.body) as Record<string, unknown>;
  assert.deepEqual(rest, JSON.parse(ITEM_BODY));
  assert.ok(id && createdAt, 'id and createdAt are made');
  const bad = JSON.stringify({ name: 'New item', priceAmount: -1, tags: [] });
  assert.equal((await callHttp(port, 'POST', '/v1/items', json, bad)).status, 400, 'negative price');

  if (target.spec.duties.authenticates) {
    assert.equal((await callHttp(port, 'GET', '/v1/items/item-1')).status, 401, 'no token');
    const forged = { authorization: `${good.authorization.slice(0, -8)}AAAAAAAA` };
    assert.equal((await callHttp(port, 'GET', '/v1/items/item-1', forged)).status, 401, 'forged token');
  }
  const before = await histogramSamples(target, '/v1/items/:id');
  await assertTelemetry(target, world, async (traceparent) => {
    await callHttp(port, 'GET', '/v1/items/item-1', { ...good, traceparent });
  });
  if (target.spec.duties.histogram) {
    assert.equal((await histogramSamples(target, '/v1/items/:id')) - before, 1, 'one histogram sample');
  }
}

async function assertGrpc(target: Target, world: World): Promise<void> {
  const port = target.ports.GRPC_PORT;
  const good = { authorization: `Bearer ${world.callers.tokens[0]}` };
  const { code, response } = await callGrpc(port, 'item-1', good);
  assert.equal(code, 0);
  assert.deepEqual(response, { item: ITEM });
  assert.equal((await callGrpc(port, 'none', good)).code, 5, 'unknown item');
  if (target.spec.duties.authenticates) {
    assert.equal((await callGrpc(port, 'item-1')).code, 16, 'no token');
  }
  const before = await histogramSamples(target, 'getItem');
  await assertTelemetry(target, world, async (traceparent) => {
    await callGrpc(port, 'item-1', { ...good, traceparent });
  });
  if (target.spec.duties.histogram) {
    assert.equal((await histogramSamples(target, 'getItem')) - before, 1, 'one histogram sample');
  }
}

/** Makes one call of a sampled trace and waits until its span and its log line have come. */
async function assertTelemetry(
  target: Target,
  world: World,
  call: (traceparent: string) => Promise<void>,
): Promise<void> {
  const traceId = randomBytes(16).toString('hex');
  const { logs = false, spans = 0 } = target.spec.duties;
  await world.collector.watch(traceId);
  await call(`00-${traceId}-${randomBytes(8).toString('hex')}-01`);
  const giveUpAt = performance.now() + TELEMETRY_LIMIT_MS;
  for (;;) {
    const { hasSpan, hasLine } = await target.counts();
    if (hasSpan === spans > 0 && hasLine === logs) return;
    if (performance.now() > giveUpAt) {
      throw new Error(`span of the caller's trace: ${hasSpan}, log line with its id: ${hasLine}`);
    }
    await sleep(50);
  }
}

/** Samples in the target's duration histogram for one route or gRPC method. */
export async function histogramSamples(target: Target, route: string): Promise<number> {
  const { histogram } = target.spec.duties;
  if (!histogram) return 0;
  const { body } = await callHttp(target.ports[target.spec.metricsOn ?? 'PORT'], 'GET', '/metrics');
  const line = new RegExp(`^\\w*${histogram}_count\\{[^}]*"[^"]*${route}"[^}]*\\} (?<count>\\d+)`, 'gim');
  return body.matchAll(line).reduce((sum, { groups }) => sum + Number(groups?.['count']), 0);
}
