import { expect, test } from 'vitest';
import { signedUrl } from './sign.ts';

test('adds the timestamp and the signature to the address, and keeps its token', () => {
  const address = new URL('https://oapi.dingtalk.com/robot/send?access_token=t0ken');
  const url = signedUrl(address, 'this is secret', 1_577_262_236_757);
  // Computed by: printf '1577262236757\nthis is secret' | openssl dgst -sha256 -hmac 'this is secret' -binary | base64
  expect(url.searchParams.get('sign')).toBe('hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=');
  expect(url.searchParams.get('timestamp')).toBe('1577262236757');
  expect(url.searchParams.get('access_token')).toBe('t0ken');
});

test('escapes what base64 has and a query may not hold', () => {
  const url = signedUrl(new URL('https://oapi.dingtalk.com/robot/send'), 'SEC1', 2);
  const [, query = ''] = /sign=(.*)$/.exec(url.search) ?? [];
  expect(query).toMatch(/^[\w%-]+$/);
  expect(decodeURIComponent(query)).toBe(url.searchParams.get('sign'));
});
