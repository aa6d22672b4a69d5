import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Config, loadConfig } from '#chassis/config';
import { generateKeyLine, openSecrets, SecretError, type SecretProvider } from '#chassis/secrets';
import { eventually, TestApp } from '../support/index.js';
import { liveService, type LiveKeys } from '../support/live-service.js';

const SETTINGS = {
  CONFIG_KMS_REGION: '',
  CONFIG_KMS_KEY_ID: '',
  CONFIG_KMS_ENDPOINT: '',
  CONFIG_KMS_TIMEOUT_MS: 100,
};
const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
const path = (name: string) => join(directory, name);
const secrets = openSecrets({ ...SETTINGS, CONFIG_KEY_FILE: path('keys') }, {});
const encrypt = (key: string, text: string) => secrets.encrypt(key, text, 'v1');
/** Must be nowhere but in the service. */
const SECRET = 'hunter-two';

function write(values: Readonly<Record<string, string>>): void {
  writeFileSync(path('app.yaml.new'), stringify(values));
  renameSync(path('app.yaml.new'), path('app.yaml'));
}

writeFileSync(path('keys'), `${generateKeyLine('one')}\n`, { mode: 0o600 });
afterAll(() => rmSync(directory, { recursive: true }));

describe('a service with encrypted values', () => {
  const log: string[] = [];
  let app: TestApp;
  let config: Config<LiveKeys>;
  const shown = async () => {
    const parts = ['/config', '/config/revisions', '/info', '/metrics'].map((at) => app.management.get(at));
    return JSON.stringify((await Promise.all(parts)).map(({ body }) => body as unknown)) + log.join('');
  };

  beforeAll(async () => {
    write({ GREETING: await encrypt('GREETING', `${SECRET} 1`), FAREWELL: 'bye' });
    app = await TestApp.start({
      service: liveService,
      config: { CONFIG_FILES: path('app.yaml'), CONFIG_KEY_FILE: path('keys'), LOG_LEVEL: 'debug' },
      logTo: { write: (line: string) => void log.push(line) },
    });
    config = app.get(Config) as unknown as Config<LiveKeys>;
  });
  afterAll(() => app.stop());

  test('reads them plain and shows them nowhere, whatever the key is called', async () => {
    expect(config.values.GREETING).toBe(`${SECRET} 1`);
    const { body } = await app.management.get('/config');
    const entry = body.entries.find(({ key }: { key: string }) => key === 'GREETING');
    expect(entry).toMatchObject({ value: '[redacted]', source: `file:${path('app.yaml')}` });
    expect(await shown()).not.toContain(SECRET);
  });

  test('takes new ones while it runs, and shows neither the old nor the new', async () => {
    write({ GREETING: await encrypt('GREETING', `${SECRET} 2`), FAREWELL: 'bye' });
    await eventually('the new one holds', () => config.values.GREETING === `${SECRET} 2`);
    write({ GREETING: 'plain now', FAREWELL: 'bye' });
    await eventually('the plain one holds', () => config.values.GREETING === 'plain now');
    expect((await app.management.get('/config/revisions')).body.revisions).toHaveLength(3);
    expect(await shown()).not.toContain(SECRET);
  });

  test('refuses one that was moved to another key, and goes on as before', async () => {
    write({ FAREWELL: await encrypt('GREETING', SECRET), GREETING: 'plain now' });
    const refused = async () =>
      (await app.management.get('/config')).body.refused as { reason: string } | null;
    await eventually('it is refused', async () => (await refused()) !== null);
    expect((await refused())?.reason).toMatch(
      /FAREWELL \(from file:.*\): was changed, or encrypted for another key than FAREWELL/,
    );
    expect(config.values.FAREWELL).toBe('bye');
    expect(await shown()).not.toContain(SECRET);
  });
});

describe('at the start', () => {
  const load = (env: Record<string, string>, more: object = {}) =>
    loadConfig({ env: { CONFIG_KEY_FILE: path('keys'), ...env }, directory, ...more });

  test('all that cannot be decrypted is told together with what is not valid, by key and source', async () => {
    const faulty = load({
      MANAGEMENT_TOKEN: await encrypt('AUTH', SECRET),
      DATABASE_URL: 'enc:v1:lost:AAAA',
      HTTP_PORT: 'x',
    });
    await expect(faulty).rejects.toThrow(
      /MANAGEMENT_TOKEN \(from environment\): was changed.*DATABASE_URL \(from environment\): is too short.*HTTP_PORT \(from/s,
    );
  });

  test('an encrypted text may be a list, a number, or a token of a store', async () => {
    const policies = JSON.stringify([{ name: 'all', limit: 5 }]);
    const config = await load({
      RATE_LIMIT_POLICIES: await encrypt('RATE_LIMIT_POLICIES', policies),
      HTTP_PORT: await encrypt('HTTP_PORT', '8080'),
      CONSUL_TOKEN: await encrypt('CONSUL_TOKEN', SECRET),
    });
    expect([
      config.get('HTTP_PORT'),
      config.get('RATE_LIMIT_POLICIES')[0]?.limit,
      config.get('CONSUL_TOKEN'),
    ]).toEqual([8080, 5, SECRET]);
    expect(JSON.stringify(config.describe())).not.toContain('8080');
  });

  test('a value that a later source replaces need not be decrypted', async () => {
    write({ SERVICE_COMMIT: 'enc:v1:lost:AAAA' });
    const config = await load({ CONFIG_FILES: path('app.yaml'), SERVICE_COMMIT: 'abc' });
    expect(config.get('SERVICE_COMMIT')).toBe('abc');
  });

  test('a store or a file may not say where the keys are', async () => {
    write({ CONFIG_KEY_FILE: '/tmp/mine' });
    await expect(load({ CONFIG_FILES: path('app.yaml') })).rejects.toThrow(/may not set CONFIG_KEY_FILE/);
  });

  test("a service's own provider decrypts what is of its scheme", async () => {
    const reversed: SecretProvider = {
      scheme: 'reversed',
      decrypt: async (_key, payload) => payload.split('').toReversed().join(''),
      encrypt: async () => {
        throw new SecretError('cannot');
      },
    };
    const config = await load({ SERVICE_COMMIT: 'enc:reversed:cba' }, { secretProviders: [reversed] });
    expect(config.get('SERVICE_COMMIT')).toBe('abc');
  });
});
