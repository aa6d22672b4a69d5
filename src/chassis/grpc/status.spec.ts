import { expect, test } from 'vitest';
import { BadRequest } from '../../generated/google/rpc/error_details.js';
import { ServiceError, validationFailed } from '../errors/index.js';
import { toRpcStatus, toStatusFields } from './status.js';

/** What the strictest clients take, with the other fields of an answer. */
const MAX_TRAILER_BYTES = 8192 - 512;

const sizeOf = (error: ServiceError): number =>
  Object.entries(toStatusFields(error, 'test')).reduce(
    (sum, [name, value]) => sum + name.length + String(value).length + 32,
    0,
  );
const saying = (message: string) => new ServiceError({ code: 'NOT_FOUND', reason: 'NONE', message });

test.each(['a', 'ä', '漢', '😀', '%'])('a long message of %s fits the trailers of every client', (text) => {
  const error = saying(text.repeat(2000));
  expect(sizeOf(error)).toBeLessThan(MAX_TRAILER_BYTES);
  const { message } = toRpcStatus(error, 'test');
  expect(error.message).toContain(message);
  expect(message.length).toBeGreaterThan(200);
});

test.each(['', 'none', 'none of ä', '100 %', 'a%20b#c'])('the message "%s" stays as it is', (text) => {
  expect(toRpcStatus(saying(text), 'test').message).toBe(text);
});

test.each([
  ['many', 20, 500],
  ['one that is long', 1, 9000],
])('violations (%s) fit, too', (_name, count, length) => {
  const violations = Array.from({ length: count }, () => ({ path: 'k'.repeat(length), message: 'wrong' }));
  expect(sizeOf(validationFailed(violations))).toBeLessThan(MAX_TRAILER_BYTES);
});

test('violations that fit are all there', () => {
  const violations = Array.from({ length: 20 }, (_, index) => ({
    path: `items.${index}.sku`,
    message: 'too long',
  }));
  const { details } = toRpcStatus(validationFailed(violations), 'test');
  const found = BadRequest.decode(details[1]?.value ?? new Uint8Array()).fieldViolations;
  expect(found).toEqual(
    violations.map(({ path, message }) => expect.objectContaining({ field: path, description: message })),
  );
});
