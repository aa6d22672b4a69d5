import { expect, test } from 'vitest';
import { currentScope, HttpCall, runInCall } from '../context/index.js';
import { Jwks } from './jwks.js';

test('a fetch that a call causes is not the work of that call', async () => {
  const scopes: unknown[] = [];
  const jwks = new Jwks({
    url: 'http://127.0.0.1:1/keys',
    algorithms: ['ES256'],
    cacheMs: 60_000,
    cooldownMs: 0,
    maxAgeMs: 0,
    timeoutMs: 1000,
    onFetched: () => scopes.push(currentScope()?.call),
  });
  const call = new HttpCall('asks', 'GET', '/');
  await runInCall(call, () => jwks.find('ES256', 'unknown'));
  jwks.stop();
  expect(scopes).toEqual([undefined]);
});
