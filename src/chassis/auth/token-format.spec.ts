import { expect, test } from 'vitest';
import { readTokenHeader } from './token-format.js';
import { parseUniqueJson } from './unique-json.js';

const part = (text: string) => Buffer.from(text).toString('base64url');
const token = (header: string, claims = '{}') => `${part(header)}.${part(claims)}.c2ln`;

test.each([
  ['{"alg":"ES256"}', { alg: 'ES256', kid: undefined }],
  ['{"alg":"ES256","kid":"a/b","typ":"jwt"}', { alg: 'ES256', kid: 'a/b' }],
  ['{"typ":"application/AT+JWT","alg":"x","jku":"http://evil","jwk":{}}', { alg: 'x', kid: undefined }],
])('%s is a header', (header, expected) => {
  expect(readTokenHeader(token(header))).toEqual(expected);
});

test.each([
  '{}',
  '{"alg":1}',
  '{"alg":"a","alg":"a"}',
  '{"alg":"a","kid":1}',
  '{"alg":"a","kid":null}',
  '{"alg":"a","crit":[]}',
  '{"alg":"a","b64":true}',
  '{"alg":"a","typ":"id_token"}',
  '{"alg":"a","typ":["JWT"]}',
  '["alg"]',
  'null',
])('%s is none', (header) => {
  expect(readTokenHeader(token(header))).toBeUndefined();
});

test.each(['', '.', '..', 'a.b', 'a.b.c.d', `${token('{"alg":"a"}')}=`, ` ${token('{"alg":"a"}')}`])(
  '%j is no token',
  (text) => {
    expect(readTokenHeader(text)).toBeUndefined();
  },
);

test.each([
  ['{}', 0],
  ['{"a":{"a":[{"a":1},{"a":2}]},"b":"a"}', 2],
  ['{"a":"\\"b\\":1","b":"x:y"}', 2],
  ['{"a" : 1, "b"\n: 2}', 2],
  ['{"__proto__":1,"constructor":2}', 2],
])('%s names nothing twice', (text, members) => {
  expect(Object.keys(parseUniqueJson(text) ?? { none: true, at: true, all: true })).toHaveLength(members);
});

test.each([
  '{"a":1,"a":1}',
  '{"a":1,"\\u0061":1}',
  '{"x":{"a":1,"a":2}}',
  '{"x":[{"a":1,"a":2}]}',
  '{"__proto__":1,"__proto__":2}',
  '[]',
  '1',
  '{"a":1',
  '',
])('%s is refused', (text) => {
  expect(parseUniqueJson(text)).toBeUndefined();
});
