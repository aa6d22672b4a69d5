import { describe, expect, test } from 'vitest';
import { GrpcCall, HttpCall } from '../context/index.js';
import { keyFunction, shorten } from './key-of.js';
import type { RateLimitKey } from './rate-limit.options.js';

const principal = {
  id: 'alice',
  scheme: 'jwt',
  scopes: new Set<string>(),
  roles: new Set<string>(),
  claims: {},
};

function keyOf(by: RateLimitKey, known: Partial<HttpCall> = {}, method = 'GET'): string | undefined {
  const call = Object.assign(new HttpCall('id', method, '/v1/orders/7'), { route: '/v1/orders/:id' }, known);
  return keyFunction(by)(call, undefined as never);
}

test('routes and rpcs are told apart by template', () => {
  expect(keyOf('route')).toBe('GET /v1/orders/:id');
  const call = new GrpcCall('id', 'orders.v1.OrderService', 'GetOrder');
  expect(keyFunction('rpc')(call, undefined as never)).toBe('orders.v1.OrderService/GetOrder');
});

test('a HEAD counts as the GET that it runs', () => {
  expect(keyOf('route', {}, 'HEAD')).toBe('GET /v1/orders/:id');
  expect(keyOf('route', {}, 'POST')).toBe('POST /v1/orders/:id');
});

describe('addresses', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2:ffff::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['not:an:address', 'not:an:address'],
    [undefined, ''],
  ])('%s counts as %j', (clientIp, key) => {
    expect(keyOf('ip', { clientIp })).toBe(key);
  });
});

describe('callers', () => {
  test('count by how they were proved, and by address when they were not', () => {
    const known = { ...principal, scheme: 'jwt' as const, tenant: 'acme' };
    expect(keyOf('principal', { principal: known })).toBe('jwt:alice');
    expect(keyOf('principal', { clientIp: '203.0.113.7' })).toBe('ip:203.0.113.7');
    expect(keyOf('tenant', { principal: known })).toBe('acme');
    expect(keyOf('api-key', { principal: { ...known, scheme: 'api-key' } })).toBe('api-key:alice');
  });

  test('without what the policy counts by are not limited', () => {
    expect(keyOf('tenant')).toBeUndefined();
    expect(
      keyOf('api-key', { principal: { ...principal, scheme: 'jwt', tenant: undefined } }),
    ).toBeUndefined();
  });
});

test.each(['x'.repeat(65), 'x'.repeat(1_000_000), '\0'.repeat(100), '💥'.repeat(50)])(
  'a long key becomes a digest',
  (key) => {
    expect(shorten(key)).toMatch(/^#[\w-]{43}$/);
    expect(shorten(`${key}y`)).not.toBe(shorten(key));
  },
);
