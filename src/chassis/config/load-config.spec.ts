import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { ConfigError } from './config-error.js';
import { ConfigSources } from './config-sources.js';
import { renderEnvExample } from './env-example.js';
import { renderKeysDocument } from './keys-document.js';
import { loadConfig, type LoadConfigOptions } from './load-config.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
  mkdirSync(join(directory, 'config'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const load = (env: LoadConfigOptions['env'] = {}, more: Partial<LoadConfigOptions> = {}) =>
  loadConfig({ env, directory, ...more });

async function faultOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new TypeError('The configuration was accepted');
}

test('keys that contradict each other are faults of one of them, told together', async () => {
  const fault = await faultOf(() =>
    load({
      APP_ENV: 'production',
      CHAOS_FAULTS: '[{"id":"slow","kind":"latency","delayMs":1,"routes":["*"]}]',
      CORS_ORIGINS: '*',
      CORS_CREDENTIALS: 'true',
      AUTH_ISSUER: 'https://issuer.example',
    }),
  );
  for (const key of ['AUTH_ISSUER', 'CORS_CREDENTIALS', 'CHAOS_FAULTS'])
    expect(fault).toContain(`${key} (from environment): `);
});

test("YAML's own booleans are taken for the texts of a key, and for what they are where its schema has booleans", async () => {
  writeFileSync(join(directory, 'config/development.yaml'), 'TLS_HTTP: false\nOWN: true\nTEXT: true\n');
  const config = await load({}, { shape: { OWN: z.boolean(), TEXT: z.stringbool() } });
  const [own, text] = ['OWN', 'TEXT'].map((key) => config.get(key as 'TLS_HTTP'));
  expect([config.get('TLS_HTTP'), own, text]).toEqual(['false', true, true]);
  writeFileSync(join(directory, 'config/development.yaml'), 'HTTP_PORT: true\n');
  expect(await faultOf(() => load())).toMatch(/HTTP_PORT \(from config\/development.yaml\): must be a whole/);
});

test('a byte order mark is part of no key and no value', async () => {
  const folder = join(directory, 'mounted');
  mkdirSync(folder);
  writeFileSync(join(folder, 'SERVICE_COMMIT'), '\uFEFFabc\r\n');
  writeFileSync(join(directory, 'config/test.yaml'), '\uFEFFGRPC_PORT: 1\r\n');
  writeFileSync(join(directory, '.env'), '\uFEFFHTTP_PORT=2\r\nMANAGEMENT_PORT=3\r\n');
  const config = await load({ APP_ENV: 'test', CONFIG_DIRECTORIES: folder });
  expect(config.get('SERVICE_COMMIT')).toBe('abc');
  expect([config.get('GRPC_PORT'), config.get('HTTP_PORT'), config.get('MANAGEMENT_PORT')]).toEqual([
    1, 2, 3,
  ]);
});

test('what the profile and .env said stays when they are gone while the service runs', async () => {
  const path = (name: string) => join(directory, name);
  const { sources } = await ConfigSources.open({ env: {}, directory });
  onTestFinished(() => sources.stop());
  await sources.look();
  expect(sources.followed.map(({ fault }) => fault)).toEqual([undefined, undefined]);
  writeFileSync(path('config/development.yaml'), 'LOG_LEVEL: warn\n');
  writeFileSync(path('.env'), 'LOG_CALL_SAMPLE_RATIO=0.5\n');
  await sources.look();
  rmSync(path('config/development.yaml'));
  rmSync(path('.env'));
  await sources.look();
  expect(sources.gather().values).toMatchObject({ LOG_LEVEL: 'warn', LOG_CALL_SAMPLE_RATIO: '0.5' });
  for (const { name, fault } of sources.followed) expect(fault).toContain(`${name} cannot be read (ENOENT)`);
  writeFileSync(path('.env'), '');
  await sources.look();
  expect(sources.gather().values).not.toHaveProperty('LOG_CALL_SAMPLE_RATIO');
});

test.each([
  ['UTF-16', Buffer.from('\uFEFFHTTP_PORT=1\r\n', 'utf16le')],
  ['Latin-1', Buffer.from('MANAGEMENT_TOKEN=caf\u00E9', 'latin1')],
])('a file in %s is refused', async (_name, bytes) => {
  writeFileSync(join(directory, '.env'), bytes);
  expect(await faultOf(() => load())).toBe('.env is not UTF-8. Save it in that encoding.');
});

describe.each([
  { CONSUL_URL: '', CONSUL_CONFIG_PREFIX: 'shop/' },
  { ETCD_ENDPOINTS: '', ETCD_CONFIG_PREFIX: 'shop/' },
  { ETCD_ENDPOINTS: '', ETCD_CONFIG_PREFIX: 'shop/', ETCD_USERNAME: 'shop', ETCD_PASSWORD: 'hunter2' },
])('a store, by %j,', (keys) => {
  const loadFrom = async (answer: (response: ServerResponse) => void): Promise<string> => {
    const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const named = Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, value || url]));
    const CONFIG_SNAPSHOT_FILE = join(directory, 'none.json');
    return faultOf(() => load({ ...named, CONFIG_SNAPSHOT_FILE, CONFIG_SOURCE_TIMEOUT_MS: '200' }));
  };

  test('whose answer begins and never ends is as one that is away', async () => {
    const fault = await loadFrom((response) => response.writeHead(200).write('[{"Key":'));
    expect(fault).toContain('cannot be read: no whole answer within 200 ms');
  });

  test('behind a balancer that finds no member is told by that status alone', async () => {
    const fault = await loadFrom((response) => response.writeHead(503).end('<h1>s3cret</h1>'));
    expect(fault).toMatch(/cannot be read: \S+ answers 503\. A start without it needs/);
  });

  test.each(['s3cret <html>', '"s3cret"', '{"s3cret":1}', 'null', '[1]', '[{"Key":1,"Value":"s3cret"}]'])(
    'that answers %j is told so, without what it says',
    async (text) => {
      const fault = await loadFrom((response) => response.end(text));
      expect(fault).toMatch(
        /cannot be read: its answer is (no JSON|not what such a store says) \(is the address/,
      );
      expect(fault).not.toContain('s3cret');
    },
  );
});

test('every key has a default', async () => {
  expect((await load()).get('HTTP_PORT')).toBe(3000);
});

test('environment wins over .env, .env over the profile, the profile over the defaults', async () => {
  writeFileSync(join(directory, 'config/staging.yaml'), 'HTTP_PORT: 1\nGRPC_PORT: 1\nMANAGEMENT_PORT: 1\n');
  writeFileSync(join(directory, '.env'), 'APP_ENV=staging\nGRPC_PORT=2\nMANAGEMENT_PORT=2\n');
  const config = await load({ MANAGEMENT_PORT: '3' });
  const entries = new Map(config.describe().map(({ key, value, source }) => [key, [value, source]]));
  expect(entries.get('HTTP_PORT')).toEqual([1, 'config/staging.yaml']);
  expect(entries.get('GRPC_PORT')).toEqual([2, '.env']);
  expect(entries.get('MANAGEMENT_PORT')).toEqual([3, 'environment']);
  expect(entries.get('LOG_LEVEL')).toEqual(['info', 'default']);
});

test('the name is that of package.json, without its scope, unless it is set', async () => {
  writeFileSync(join(directory, 'package.json'), '{"name":"@acme/payments"}');
  expect((await load()).get('SERVICE_NAME')).toBe('payments');
  expect((await load({ SERVICE_NAME: 'other' })).get('SERVICE_NAME')).toBe('other');
  writeFileSync(join(directory, 'package.json'), '{"name":"Not A Label"}');
  expect(await faultOf(() => load())).toContain(
    'SERVICE_NAME (from package.json): must be lower-case letters',
  );
});

test('the version is that of package.json unless it is set', async () => {
  writeFileSync(join(directory, 'package.json'), '{"version":"4.5.6"}');
  expect((await load()).get('SERVICE_VERSION')).toBe('4.5.6');
  expect((await load({ SERVICE_VERSION: '7' })).get('SERVICE_VERSION')).toBe('7');
});

test('an empty variable counts as unset', async () => {
  expect((await load({ HTTP_PORT: '' })).get('HTTP_PORT')).toBe(3000);
});

test('faults come together and name keys and sources, never values', async () => {
  const message = await faultOf(() =>
    load({
      HTTP_PORT: 'hunter2',
      GRPC_PORT: '70000',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://u:hunter2@h/d',
    }),
  );
  for (const key of ['HTTP_PORT', 'GRPC_PORT', 'LOG_LEVEL', 'DATABASE_URL'])
    expect(message).toContain(`${key} (from environment)`);
  expect(message).not.toMatch(/hunter2|70000|loud|mysql/);
});

test('an unknown profile is a fault of APP_ENV, whatever it looks like', async () => {
  expect(await faultOf(() => load({ APP_ENV: '../../etc/passwd' }))).toMatch(/APP_ENV/);
});

test.each([
  ['HTTP_PRT: 1', /keys that no schema knows: HTTP_PRT \(is HTTP_PORT meant\?\)/],
  ['APP_ENV: production', /keys that no schema knows: APP_ENV/],
  ['HTTP_PORT: 0\nLOG_LEVEL: [hunter2\n', /config\/development\.yaml is not YAML \(line \d/],
  ['- hunter2', /config\/development\.yaml must hold "KEY: value" lines/],
  ['HTTP_PORT:\n  port: hunter2\n', /HTTP_PORT \(from config\/development\.yaml\)/],
  ['HOST: here\nMANAGEMENT_TOKEN: !vault hunter2\n', /is not YAML \(line 2: TAG_RESOLVE_FAILED\)/],
  ['HOST: hunter2\nHOST: other\n', /config\/development\.yaml is not YAML \(line \d/],
])('a profile with %j is refused', async (text, fault) => {
  writeFileSync(join(directory, 'config/development.yaml'), text);
  const message = await faultOf(() => load());
  expect(message).toMatch(fault);
  expect(message).not.toContain('hunter2');
});

test('a feature adds keys of its own', async () => {
  const shape = { ORDERS_LIMIT: z.coerce.number().default(7) };
  const entries = (await load({ ORDERS_LIMIT: '9' }, { shape })).describe();
  expect(entries.find(({ key }) => key === 'ORDERS_LIMIT')).toEqual({
    key: 'ORDERS_LIMIT',
    value: 9,
    source: 'environment',
  });
});

test('a key that may be left out is one of the values all the same, and documents give it no default', async () => {
  const shape = { FOOTER: z.string().optional().describe('Said last.') };
  expect(Object.entries((await load({}, { shape })).values)).toContainEqual(['FOOTER', undefined]);
  expect(renderEnvExample(shape)).toContain('# Said last.\n# FOOTER=\n');
  expect(renderKeysDocument(shape)).toContain('| `FOOTER` | text | none | restart | Said last. |');
});

test.each([
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a@b=hunter2', 'must have names of letters'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a b=hunter2', 'must be key=value pairs'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%zz', 'must have %25 for a % of a value'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=b%0Ac: d', 'must have values of ASCII characters'],
  ['OTEL_RESOURCE_ATTRIBUTES', 'a=100%', 'must have %25 for a % of a value'],
])('what no collector can be told is a fault: %s=%s', async (key, value, fault) => {
  expect(await faultOf(() => load({ [key]: value }))).toContain(`${key} (from environment): ${fault}`);
});

test.each(['', 'authorization=Bearer%20a%3D=, x-team =core,', 'a='])(
  'headers may be "%s"',
  async (headers) => {
    expect((await load({ OTEL_EXPORTER_OTLP_HEADERS: headers })).get('OTEL_EXPORTER_OTLP_HEADERS')).toBe(
      headers,
    );
  },
);

test('secrets are redacted in the description', async () => {
  const shape = {
    API_TOKEN: z.string(),
    KEY_PASSPHRASE: z.string(),
    SOME_URL: z.string(),
    OTHER: z.string(),
  };
  const config = await load(
    {
      API_TOKEN: 'hunter2',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20hunter2',
      KEY_PASSPHRASE: 'hunter2',
      SOME_URL: 'https://me:hunter2@host/',
      OTHER: 'http://me:hunter2@a:1,http://me:hunter2@b:2?token=hunter2',
      DATABASE_URL: 'postgres://me:hunter2@host/db',
      MIDDLEWARES: JSON.stringify([
        { name: 'notes', settings: { apiToken: 'hunter2', store: 'redis://:hunter2@host' } },
      ]),
    },
    { shape },
  );
  const entries = config.describe();
  expect(JSON.stringify(entries)).not.toContain('hunter2');
  expect(entries.find(({ key }) => key === 'DATABASE_URL')?.value).toBe('postgres://me:redacted@host/db');
});
