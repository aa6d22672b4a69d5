import { describe, expect, test } from 'vitest';
import { redactFields, redactJson } from './redact.js';

const SECRET = [
  'token',
  'apiToken',
  'client_secret',
  'PASSWORD',
  'x-api-key',
  'set-cookie',
  'Proxy-Authorization',
];
const OPEN = ['name', 'tokens', 'key', 'public_key', 'cookies', 'secretary', '', '"token":', 'to\\ken\\'];
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
