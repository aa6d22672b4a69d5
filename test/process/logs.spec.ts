import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce, PROJECT } from '../support/build.js';
import { CLEAN_ENVIRONMENT } from '../support/clean-environment.js';

type Line = Record<string, unknown>;

let lines: Line[];

beforeAll(async () => {
  await buildOnce();
  const script = join(import.meta.dirname, 'fixtures/log-lines.ts');
  const env = {
    ...CLEAN_ENVIRONMENT,
    APP_ENV: 'staging',
    SERVICE_NAME: 'shop',
    SERVICE_VERSION: '1.2.3',
  };
  const output = execFileSync(process.execPath, [script], { env, cwd: PROJECT, encoding: 'utf8' });
  lines = output
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as Line);
});

const lineOf = (msg: string): Line => lines.find((line) => line['msg'] === msg) ?? {};

test('a line says when, how grave, what and who', () => {
  expect(lineOf('outside')).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    level: 'info',
    msg: 'outside',
    service: 'shop',
    version: '1.2.3',
    env: 'staging',
    size: 1,
  });
});

test('a line inside a call bears its request id, one outside does not', () => {
  expect(lineOf('inside')).toMatchObject({ request_id: 'request-7', only: 'first' });
  expect(lineOf('inside again')).toMatchObject({ request_id: 'request-7' });
  expect(lineOf('outside again')).not.toHaveProperty('request_id');
});

test('the fields of one line stay out of the next', () => {
  expect(lineOf('inside again')).not.toHaveProperty('only');
  expect(lineOf('outside again')).not.toHaveProperty('size');
});

test('a line below the level is not written', () => {
  expect(lineOf('below the level')).toEqual({});
});

test('a child that was made with a level of its own keeps it, for its children too', () => {
  expect(lineOf('of a talkative child')).toMatchObject({ level: 'debug', part: 'talkative' });
  expect(lineOf('of a child of a talkative child')).toMatchObject({ level: 'debug', part: 'smaller' });
  expect(lineOf('of another child')).toEqual({});
});

test('credentials are redacted, their neighbours are not', () => {
  const line = lineOf('with secrets');
  expect(JSON.stringify(line)).not.toContain('s3cr3t');
  expect(line).toMatchObject({
    authorization: '[redacted]',
    headers: { cookie: '[redacted]', host: 'kept' },
    req: { url: 'kept' },
    user: { password: '[redacted]', name: 'kept' },
    client: {
      apiToken: '[redacted]',
      client_secret: '[redacted]',
      privateKey: '[redacted]',
      port: 1,
    },
    deep: [{ er: { and: { deeper: { Password: '[redacted]', after: 'kept' } } } }],
    says: '"token":"kept"',
  });
});

test('credentials are redacted in whatever becomes a part of a line', () => {
  expect(lineOf('with a secret of its own')).toMatchObject({ token: '[redacted]', part: 'kept' });
  expect(lineOf('with {"token":"[redacted]","size":1} and {"password":"[redacted]"} of text')).not.toEqual(
    {},
  );
  expect(lineOf('with a loop')).toMatchObject({ loop: { token: '[redacted]', loop: '[Circular]' } });
  expect(lineOf('with "[cannot be written as JSON]"')).not.toEqual({});
  expect(lineOf('with an error of a client')).toMatchObject({
    err: { message: 'refused', config: { headers: { authorization: '[redacted]' } } },
  });
});

test('URLs are written without their secrets', () => {
  expect(lineOf('with URLs')).toMatchObject({
    err: {
      message: 'no connection to redis://me:redacted@host',
      stack: expect.not.stringContaining('s3cr3t'),
    },
    url: 'https://a/?access_token=REDACTED&b',
  });
});

test('an error is written with its stack and its cause', () => {
  expect(lineOf('with an error')).toMatchObject({
    err: { type: 'Error', stack: expect.stringMatching(/outer[^]*log-lines\.ts[^]*inner/) },
  });
});
