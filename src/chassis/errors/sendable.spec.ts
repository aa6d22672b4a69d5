import { expect, test } from 'vitest';
import { assertSendable } from './sendable.js';

test.each([
  ['X-Upper', 'a', /no name of a header/],
  ['x-bytes-bin', 'a', /no name of a header/],
  ['x-echo', 'what\r\nthe: caller says', /printable ASCII/],
  ['connection', 'close', /the protocol's own/],
  ['transfer-encoding', 'chunked', /the protocol's own/],
  ['content-length', '5', /the protocol's own/],
  ['grpc-status', '0', /the protocol's own/],
])('a header %s of %j is refused', (name, value, message) => {
  expect(() => assertSendable(name, value)).toThrow(message);
});

test.each([
  ['x-cache', 'hit'],
  ['retry-after', '5'],
  ['connection-id', '7'],
])('a header %s of %j can be sent', (name, value) => {
  expect(() => assertSendable(name, value)).not.toThrow();
});
