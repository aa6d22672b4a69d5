import { describe, expect, test } from 'vitest';
import { redactFields, redactJson, redactQuery, redactUrls } from './redact.js';

const SECRET = [
  'token',
  'apiToken',
  'client_secret',
  'PASSWORD',
  'x-api-key',
  'set-cookie',
  'Proxy-Authorization',
  'cookies',
  'db_passwd',
  'PWD',
  'credentials',
  'jwt',
  'bearer',
  'signing-key',
  'sessionId',
];
const OPEN = [
  'name',
  'tokens',
  'key',
  'public_key',
  'session',
  'idempotency-key',
  'secretary',
  '',
  '"token":',
  'to\\ken\\',
];
const TEXTS = [
  '',
  'plain',
  '"',
  '\\',
  '\\"',
  '{"token":"x"}',
  '"token":',
  ',]}',
  'é\u0000\ud800',
  '[redacted]',
  'http://a:80/b:c@d?token',
];

/** Numbers that look random and are the same in every run. */
function numbersFrom(seed: number): (below: number) => number {
  let last = seed;
  return (below) => {
    last = (last * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((last / 2_147_483_648) * below);
  };
}

function makeValue(pick: (below: number) => number, depth: number): unknown {
  const kind = pick(depth > 4 ? 4 : 7);
  if (kind === 0) return TEXTS[pick(TEXTS.length)];
  if (kind === 1) return pick(1000) / 7 - 50;
  if (kind === 2) return [true, false, null][pick(3)];
  if (kind === 3) return [{}, []][pick(2)];
  const members = Array.from({ length: pick(5) }, () => makeValue(pick, depth + 1));
  if (kind === 4) return members;
  const names = [...SECRET, ...OPEN];
  return Object.fromEntries(members.map((member) => [names[pick(names.length)], member]));
}

/** The same, the slow way. */
function redactSlowly(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactSlowly);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      SECRET.includes(name) ? '[redacted]' : redactSlowly(item),
    ]),
  );
}

test('whatever the value, its secrets are gone and all else is as it was', () => {
  const pick = numbersFrom(1);
  let changed = 0;
  for (let i = 0; i < 5000; i++) {
    const value = makeValue(pick, 0);
    const expected = JSON.stringify(redactSlowly(value));
    expect(redactJson(JSON.stringify(value))).toBe(expected);
    if (expected !== JSON.stringify(value)) changed += 1;
  }
  expect(changed).toBeGreaterThan(500);
});

describe('what is there', () => {
  test('stays the same text where nothing is secret', () => {
    expect(redactJson('{"a":[1,{"b":"\\"token\\":1"}]}\n')).toBe('{"a":[1,{"b":"\\"token\\":1"}]}\n');
  });

  test('keeps numbers that JavaScript cannot hold, and fields that are there twice', () => {
    expect(redactJson('{"n":12345678901234567890,"token":1.5e3,"n":1,"token":{"a":[]}}')).toBe(
      '{"n":12345678901234567890,"token":"[redacted]","n":1,"token":"[redacted]"}',
    );
  });

  test('is cut off where it is', () => {
    expect(redactJson('{"token":"x')).toBe('{"token":"[redacted]"');
    expect(redactJson('{"token":[1,')).toBe('{"token":"[redacted]"');
  });

  test('is copied', () => {
    const value = { a: { token: 1, b: 2 } };
    expect(redactFields(value)).toEqual({ a: { token: '[redacted]', b: 2 } });
    expect(value.a.token).toBe(1);
    expect(redactFields(undefined)).toBeUndefined();
  });
});

describe('a URL', () => {
  test.each([
    ['redis://:s3cr3t@host:1/0', 'redis://:redacted@host:1/0'],
    ['http://a:s3@r3t@b:1,http://c:s3cr3t@d:2', 'http://a:redacted@b:1,http://c:redacted@d:2'],
    [
      'postgres:///db?user=a&password=s3cr3t&sslmode=on',
      'postgres:///db?user=a&password=REDACTED&sslmode=on',
    ],
    ['https://a/b?X-Amz-Signature=s3cr3t#c', 'https://a/b?X-Amz-Signature=REDACTED#c'],
    ['http://host:80/a:b@c?tokens=1&q=token', 'http://host:80/a:b@c?tokens=1&q=token'],
  ])('%s', (url, shown) => {
    expect(redactUrls(url)).toBe(shown);
    expect(JSON.parse(redactJson(JSON.stringify({ text: `"${url}" ${url}, x@y` })))).toEqual({
      text: `"${shown}" ${shown}, x@y`,
    });
  });

  test('has a query, whose first parameter is one, too', () => {
    expect(redactQuery('access_token=s3cr3t&a=b&sig=s3cr3t')).toBe('access_token=REDACTED&a=b&sig=REDACTED');
  });
});

test.each(['token', '//a:', '?a', '&token', '//a:b?sig', '{"token":[', '"', '\\'])(
  'takes no longer than it is long: %s',
  (part) => {
    const cpuMsOf = (json: string) => {
      const begin = process.cpuUsage();
      redactJson(json);
      return process.cpuUsage(begin).user / 1000;
    };
    cpuMsOf(`://${part.repeat(1000)}`);
    // Quadratic would be minutes.
    expect(cpuMsOf(`://${part.repeat(200_000)}`)).toBeLessThan(1000);
  },
);
