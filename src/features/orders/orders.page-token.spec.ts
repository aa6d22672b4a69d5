import { expect, test } from 'vitest';
import { decodePageToken, encodePageToken } from './orders.page-token.js';

const id = '01a1fdf5-f5e7-70dc-b568-e5be378f4ac2';
const filter = { customerId: 'ada', status: 'pending' } as const;

test('leads back to its order, for its filter only', () => {
  const token = encodePageToken(id, filter);
  expect(decodePageToken(token, { ...filter })).toBe(id);
  expect(() => decodePageToken(token, { customerId: 'ada' })).toThrow(/another filter/);
});

test.each(['', 'x', Buffer.from(id).toString('base64url'), Buffer.from("' or 1=1.x").toString('base64url')])(
  '%j is refused',
  (token) => {
    expect(() => decodePageToken(token, filter)).toThrow(/pageToken/);
  },
);
