import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildOnce, PROJECT } from '../support/build.js';
import { CLEAN_ENVIRONMENT } from '../support/clean-environment.js';

const directory = mkdtempSync(join(tmpdir(), 'config-command-'));
const keys = join(directory, 'config.keys');
const SECRET = 'hunter-two';

/** As `npm run config -- …` in the project, without its build. */
async function config(
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
) {
  const child = spawn(process.execPath, ['scripts/config/command.ts', ...args], {
    cwd: PROJECT,
    env: { ...CLEAN_ENVIRONMENT, APP_ENV: 'test', CONFIG_KEY_FILE: keys, ...env },
  });
  child.stdin.end(input);
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { out, err, code };
}

beforeAll(buildOnce);
afterAll(() => rmSync(directory, { recursive: true }));

test('the file of keys that the documentation has made in the project is kept out of git', () => {
  const read = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');
  expect(read('docs/secrets.md')).toContain('generate-key config.keys');
  expect(read('.gitignore').split('\n')).toEqual(expect.arrayContaining(['*.keys', '*.keys.new']));
});

test('a key that cannot be written leaves no part of it behind', async () => {
  const file = join(directory, 'full.keys');
  // As on a full disk: no file may grow.
  const limit = 'trap \'\' XFSZ; ulimit -f 0; exec "$0" scripts/config/command.ts generate-key "$1"';
  const full = spawn('bash', ['-c', limit, process.execPath, file], { cwd: PROJECT, env: CLEAN_ENVIRONMENT });
  expect(await text(full.stderr)).toMatch(/full\.keys cannot be written and is as it was: EFBIG/);
  expect(existsSync(`${file}.new`)).toBe(false);
  expect((await config(['generate-key', file])).code).toBe(0);
  writeFileSync(`${file}.new`, 'half a k');
  const { code, err } = await config(['generate-key', file]);
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/full\.keys\.new is there: .*remove it and try again/),
  ]);
});

test('makes keys, encrypts what standard input says, decrypts and explains it without showing it', async () => {
  expect((await config(['generate-key', keys])).code).toBe(0);
  expect(statSync(keys).mode & 0o777).toBe(0o600);
  const encrypted = await config(['encrypt', 'MANAGEMENT_TOKEN'], { input: `${SECRET}\n` });
  expect(encrypted).toMatchObject({ err: '', code: 0 });
  const value = encrypted.out.trim();
  expect(value).toMatch(/^enc:v1:/);
  await config(['generate-key', keys]);
  expect(readFileSync(keys, 'utf8').trim().split('\n')).toHaveLength(2);
  expect(await config(['decrypt', 'MANAGEMENT_TOKEN'], { input: value })).toEqual({
    out: `${SECRET}\n`,
    err: '',
    code: 0,
  });
  const other = await config(['decrypt', 'DATABASE_URL', value]);
  expect([other.code, other.err]).toEqual([
    1,
    expect.stringMatching(/^DATABASE_URL was changed, or encrypted for/),
  ]);
  const explained = await config(['explain', 'MANAGEMENT_TOKEN'], { env: { MANAGEMENT_TOKEN: value } });
  expect(explained.code).toBe(0);
  expect(explained.out).toMatch(
    /static: needs a restart\n.*\[redacted\], from environment\n.*\* environment: encrypted \(v1/s,
  );
  expect(explained.out).not.toContain(SECRET);
}, 180_000);

test('explains which source wins, and what a key may be', async () => {
  const { out, code } = await config(['explain', 'LOG_LEVEL'], { env: { LOG_LEVEL: 'debug' } });
  expect(code).toBe(0);
  expect(out).toContain('trace or debug or info or warn or error or fatal or silent');
  expect(out).toContain('live: while the service runs');
  expect(out).toMatch(
    /value {4}debug, from environment\n {2}\* environment: debug\n {4}config\/test\.yaml: silent/,
  );
});

test.each([
  ['WORKERS', 'auto or whole number 1 – 1024'],
  ['LOG_CALL_SAMPLE_RATIO', 'number 0 – 1'],
  ['DATABASE_URL', 'text'],
])('explains the type of %s as docs/configuration-keys.md does: %s', async (key, type) => {
  const { out } = await config(['explain', key]);
  expect(out).toContain(`type     ${type}\n`);
});

test('checks the whole configuration and exits 1 with all faults, showing no value', async () => {
  expect(await config(['check'])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/is valid: \d+ keys/),
  });
  const faulty = { HTTP_PORT: SECRET, LOG_LEVELS: 'a=loud', MANAGEMENT_TOKEN: 'enc:v1:lost:AAAA' };
  const { code, err, out } = await config(['check'], { env: faulty });
  expect(code).toBe(1);
  for (const key of Object.keys(faulty)) expect(err).toContain(`${key} (from environment): `);
  expect(err + out).not.toContain(SECRET);
});

test('tells which variable is nearly a key', async () => {
  const { code, err } = await config(['check'], { env: { HTTP_PROT: '3000' } });
  expect(code).toBe(0);
  expect(err).toContain(
    'HTTP_PROT (from environment) is no key of this service and does nothing: is HTTP_PORT meant?',
  );
});

test('checks what keys need of each other', async () => {
  const { code, err } = await config(['check'], { env: { AUTH_JWKS_URL: 'https://issuer.test/jwks.json' } });
  expect(code).toBe(1);
  expect(err).toMatch(
    /AUTH_ISSUER \(from default\): must say whose.*AUTH_AUDIENCE \(from default\): must say/,
  );
});

test.each([
  [['encrypt', 'MANAGEMENT_TOKEN', SECRET], /A value is no argument/],
  [['encrypt', 'CONFIG_KEY_FILE'], /read before anything is decrypted/],
  [['explain'], /KEY is missing/],
  [['brew'], /no command "brew"/],
  [['check', '--loud'], /Unknown option '--loud'/],
])('exits 2 for %j and says how it is used', async (args, message) => {
  const { code, err } = await config(args);
  expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  expect(err).toContain('npm run config -- help');
  expect(err).not.toContain(SECRET);
});
