import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { whyOf } from './why-of.js';

test('of a fetch that fails the cause is told', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const error: unknown = await fetch(`http://127.0.0.1:${port}/`).catch((caught: unknown) => caught);
  expect(whyOf(error)).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`);
});

test('of a host with several addresses each fault is told', () => {
  const faults = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}`));
  const cause = new AggregateError(faults);
  expect(whyOf(new TypeError('fetch failed', { cause }))).toBe(
    'connect ECONNREFUSED ::1, connect ECONNREFUSED 127.0.0.1',
  );
});

test.each([
  ['an error', new Error('its words'), 'its words'],
  ['what is no error', 'its words', 'its words'],
  ['faults with words of their own', new AggregateError([new Error('one')], 'its words'), 'its words'],
])('%s has its own words', (_what, thrown, expected) => {
  expect(whyOf(thrown)).toBe(expected);
});
