import { Injectable, Module, type OnModuleInit, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Config, ConfigSources } from '#chassis/config';
import { TestAuthority } from '../support/certificates.js';
import { startConsul, type Consul } from '../support/consul-server.js';
import { EtcdServer } from '../support/etcd-server.js';
import { eventually, freePort, TestApp } from '../support/index.js';
import { liveService, type LiveKeys } from '../support/live-service.js';

const PREFIX = 'config/live/';
const ETCD = `etcd:${PREFIX}`;
const CONSUL = `consul:${PREFIX}`;
/** Back-off and a loaded machine. */
const RECOVERY_MS = 20_000;

const lines: Record<string, unknown>[] = [];
let directory: string;
let etcd: EtcdServer;
let consul: Consul;
let app: TestApp;
let config: Config<LiveKeys>;

function settings(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    CONFIG_FILES: join(directory, 'app.yaml'),
    CONFIG_SNAPSHOT_FILE: join(directory, 'snapshot.json'),
    CONFIG_SOURCE_TIMEOUT_MS: 2000,
    CONFIG_POLL_INTERVAL_MS: 1000,
    CONSUL_URL: consul.url,
    CONSUL_TOKEN: consul.token,
    CONSUL_CONFIG_PREFIX: PREFIX,
    ETCD_ENDPOINTS: etcd.url,
    ETCD_CONFIG_PREFIX: PREFIX,
    HEALTH_INTERVAL_MS: 100,
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'json',
    ...more,
  };
}

/** Without a database, also with modules of the test's own. */
function start(more?: Readonly<Record<string, unknown>>, ...imports: Type[]): Promise<TestApp> {
  return TestApp.start({
    service: liveService,
    imports,
    config: settings({ DATA_DIR: join(directory, 'data'), ...more }),
    logTo: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
}

const greets = (text: string) =>
  eventually(`GREETING is ${text}`, () => config.values.GREETING === text, RECOVERY_MS);
const sourceOf = (key: string) => config.describe().find((entry) => entry.key === key)?.source;
const upOf = async (name: string): Promise<boolean> => {
  const { sources } = (await app.management.get('/config')).body as {
    sources: { name: string; isUp: boolean }[];
  };
  return sources.find((source) => source.name === name)?.isUp === true;
};
const isUp = (name: string, wanted: boolean) =>
  eventually(`${name} is ${wanted ? 'up' : 'away'}`, async () => (await upOf(name)) === wanted, RECOVERY_MS);

/** Something that takes its time while a service starts. */
function during(work: (sources: ConfigSources) => Promise<void>): Type {
  @Injectable()
  class Slow implements OnModuleInit {
    constructor(private readonly modules: ModuleRef) {}

    onModuleInit(): Promise<void> {
      return work(this.modules.get(ConfigSources, { strict: false }));
    }
  }
  @Module({ providers: [Slow] })
  class SlowModule {}
  return SlowModule;
}

const storeSays = ({ layers }: ConfigSources, key: string) =>
  layers.find(({ source }) => source === ETCD)?.values[key];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'live-config-'));
  writeFileSync(join(directory, 'app.yaml'), 'GREETING: file\nFAREWELL: file\n');
  [etcd, consul] = await Promise.all([EtcdServer.start(), startConsul()]);
  await consul.put(`${PREFIX}GREETING`, 'consul');
  await etcd.put(`${PREFIX}GREETING`, 'etcd');
  await etcd.put(`${PREFIX}GREETING_TOKEN`, 'hunter2');
  app = await start();
  config = app.get(Config) as unknown as Config<LiveKeys>;
});
afterAll(async () => {
  await app.stop();
  await Promise.all([etcd.stop(), consul.kill()]);
  rmSync(directory, { recursive: true });
});
beforeEach(() => void (lines.length = 0));

test('etcd wins over Consul, and Consul over files; each is followed', async () => {
  expect([config.values.GREETING, sourceOf('GREETING')]).toEqual(['etcd', ETCD]);
  expect([config.values.FAREWELL, sourceOf('FAREWELL')]).toEqual(['file', `file:${directory}/app.yaml`]);
  await consul.put(`${PREFIX}FAREWELL`, 'from consul');
  await eventually('Consul is followed', () => config.values.FAREWELL === 'from consul');
  await etcd.put(`${PREFIX}GREETING`, 'followed');
  await greets('followed');
  await etcd.delete(`${PREFIX}GREETING`);
  await greets('consul');
  expect(sourceOf('GREETING')).toBe(CONSUL);
  await consul.delete(`${PREFIX}FAREWELL`);
  await eventually('what is deleted falls to the next source', () => config.values.FAREWELL === 'file');
});

test('a document under the prefix holds several keys, of which single ones win', async () => {
  await etcd.put(`${PREFIX}all.yaml`, 'GREETING: document\nFAREWELL: document\n');
  await greets('document');
  await etcd.put(`${PREFIX}GREETING`, 'single');
  await greets('single');
  expect(config.values.FAREWELL).toBe('document');
  await etcd.delete(`${PREFIX}all.yaml`);
  await eventually('the document is gone', () => config.values.FAREWELL === 'file');
});

test('a value that is not UTF-8 is refused, whichever store has it', async () => {
  await etcd.put(`${PREFIX}GREETING`, 'etcd');
  await greets('etcd');
  await etcd.put(`${PREFIX}GREETING`, Buffer.from('gr\u00fc\u00df', 'latin1'));
  await isUp(ETCD, false);
  await consul.put(`${PREFIX}FAREWELL`, Buffer.from('tsch\u00fcss', 'latin1'));
  await isUp(CONSUL, false);
  const reasons = lines.map(({ reason }) => reason);
  expect(reasons).toContain(
    `${ETCD} cannot be read: ${ETCD}GREETING is not UTF-8. Save it in that encoding.`,
  );
  expect(reasons).toContain(
    `${CONSUL} cannot be read: ${CONSUL}FAREWELL is not UTF-8. Save it in that encoding.`,
  );
  expect(config.values).toMatchObject({ GREETING: 'etcd', FAREWELL: 'file' });
  await consul.delete(`${PREFIX}FAREWELL`);
  await etcd.put(`${PREFIX}GREETING`, '\uFEFFetcd');
  await Promise.all([isUp(ETCD, true), isUp(CONSUL, true)]);
  expect(config.values.GREETING).toBe('etcd');
});

test('an unknown key in a store is refused, and /config and the log say so', async () => {
  const reason = `${ETCD} has keys that no schema knows: GREETNG (is GREETING meant?). Remove or rename them.`;
  await etcd.put(`${PREFIX}GREETNG`, 'hunter2');
  await eventually(
    'it is refused',
    async () => (await app.management.get('/config')).body.refused?.by === 'schema',
  );
  expect((await app.management.get('/config')).body.refused).toMatchObject({ cause: ETCD, reason });
  expect(await app.management.post('/config/reload')).toMatchObject({
    status: 400,
    body: { reason: 'CONFIG_REFUSED', detail: reason },
  });
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'error', by: 'schema', cause: ETCD, reason }),
  );
  await etcd.delete(`${PREFIX}GREETNG`);
  await eventually(
    'it is well again',
    async () => (await app.management.get('/config')).body.refused === null,
  );
});

test('what comes while a change is under way is in no snapshot before it is validated', async () => {
  onTestFinished(() => etcd.delete(`${PREFIX}GREETNG`));
  const sources = app.service.app.get<ConfigSources>(ConfigSources, { strict: false });
  const stop = config.prepareChange(['GREETING'], async () => {
    await etcd.put(`${PREFIX}GREETNG`, 'x');
    await eventually('the store is heard', () => storeSays(sources, 'GREETNG') === 'x');
    return { commit: () => stop() };
  });
  await etcd.put(`${PREFIX}GREETING`, 'under way');
  await eventually('the next is refused', async () => {
    const { refused } = (await app.management.get('/config')).body;
    return refused?.reason.includes('GREETNG') === true;
  });
  const contents = JSON.parse(readFileSync(join(directory, 'snapshot.json'), 'utf8')).sources[ETCD];
  expect(contents).toHaveProperty('GREETING', 'under way');
  expect(contents).not.toHaveProperty('GREETNG');
});

test('etcd is killed, compacted and started again: the service serves on, says so, and follows again', async () => {
  await etcd.put(`${PREFIX}GREETING`, 'before');
  await greets('before');
  await etcd.kill();
  await isUp(ETCD, false);
  expect((await app.http.get('/live')).body.first).toBe('before');
  await eventually(
    'health shows it',
    async () => (await app.management.get('/readyz')).body.status === 'degraded',
  );
  expect((await app.management.get('/readyz')).status).toBe(200);
  expect((await app.management.get('/metrics')).body).toContain(`config_source_up{source="${ETCD}"} 0`);
  expect(lines).toContainEqual(
    expect.objectContaining({
      msg: 'source of the configuration cannot be used; what it said last stays',
      source: ETCD,
    }),
  );
  expect(await app.management.post('/config/reload')).toMatchObject({
    status: 503,
    body: { reason: 'CONFIG_SOURCE_UNAVAILABLE' },
  });
  await etcd.start();
  let revision = 0;
  for (const text of ['a', 'b', 'c', 'while away']) revision = await etcd.put(`${PREFIX}GREETING`, text);
  await etcd.compact(revision);
  await greets('while away');
  await isUp(ETCD, true);
  await etcd.put(`${PREFIX}GREETING`, 'after');
  await greets('after');
});

test('etcd that hangs is found out by asking again', async () => {
  etcd.freeze();
  await isUp(ETCD, false);
  etcd.thaw();
  await isUp(ETCD, true);
  await etcd.put(`${PREFIX}GREETING`, 'thawed');
  await greets('thawed');
});

test('Consul is killed and comes back with an index that has gone backwards', async () => {
  for (const text of ['a', 'b', 'c']) await consul.put(`${PREFIX}FAREWELL`, text);
  await eventually('Consul is followed', () => config.values.FAREWELL === 'c');
  await consul.kill();
  await isUp(CONSUL, false);
  expect(config.values.FAREWELL).toBe('c');
  await consul.start();
  await consul.put(`${PREFIX}FAREWELL`, 'anew');
  await isUp(CONSUL, true);
  await eventually('it is followed again', () => config.values.FAREWELL === 'anew', RECOVERY_MS);
  await consul.put(`${PREFIX}FAREWELL`, 'and again');
  await eventually('it is followed on', () => config.values.FAREWELL === 'and again');
});

describe('a rollback', () => {
  const revisions = async () =>
    (await app.management.get('/config/revisions')).body as {
      revision: number;
      revisions: { revision: number; cause: string; changes: object[] }[];
    };

  test('gives live keys their values of an earlier revision until a source changes', async () => {
    await etcd.put(`${PREFIX}GREETING`, 'good');
    await greets('good');
    const { revision } = await revisions();
    await etcd.put(`${PREFIX}GREETING_TOKEN`, 'hunter3');
    await etcd.put(`${PREFIX}GREETING`, 'bad');
    await greets('bad');
    const answer = await app.management.post(`/config/revisions/${revision}/rollback`);
    expect(answer).toMatchObject({ status: 200, body: { result: 'applied' } });
    expect([config.values.GREETING, sourceOf('GREETING')]).toEqual(['good', `revision ${revision}`]);
    expect((await app.management.get('/config')).body.pinned).toBe(revision);
    const { revisions: all } = await revisions();
    expect(all[0]).toMatchObject({ cause: `rollback to revision ${revision}`, revision: config.revision });
    expect(all[0]?.changes).toContainEqual({
      key: 'GREETING',
      previous: 'bad',
      next: 'good',
      source: `revision ${revision}`,
    });
    expect(JSON.stringify(all)).not.toContain('hunter');
    await etcd.put(`${PREFIX}GREETING`, 'better');
    await greets('better');
    expect((await app.management.get('/config')).body.pinned).toBeNull();
  });

  test('ends with a reload, too', async () => {
    const { revision } = await revisions();
    await etcd.put(`${PREFIX}GREETING`, 'newest');
    await greets('newest');
    await app.management.post(`/config/revisions/${revision}/rollback`);
    expect(config.values.GREETING).toBe('better');
    expect((await app.management.post('/config/reload')).body.result).toBe('applied');
    expect(config.values.GREETING).toBe('newest');
  });

  test.each([
    ['999999', 404, 'CONFIG_REVISION_NOT_FOUND'],
    ['one', 400, 'VALIDATION_FAILED'],
  ])('to %s answers %i', async (revision, status, reason) => {
    const answer = await app.management.post(`/config/revisions/${revision}/rollback`);
    expect(answer).toMatchObject({ status, body: { reason } });
  });
});

describe('at the start', () => {
  const dead = async () => ({ ETCD_ENDPOINTS: `http://127.0.0.1:${await freePort()}` });

  test('a store that is away is stood in for by the snapshot, loudly', async () => {
    const file = join(directory, 'snapshot.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8')).sources[ETCD]).toMatchObject({ GREETING: 'newest' });
    const second = await start(await dead());
    try {
      const values = (second.get(Config) as unknown as Config<LiveKeys>).values;
      expect(values.GREETING).toBe('newest');
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'error', source: ETCD, snapshotOf: expect.any(String) }),
      );
    } finally {
      await second.stop();
    }
  });

  test('a store that says what cannot be is stood in for, too', async () => {
    await etcd.put(`${PREFIX}GREETNG`, 'x');
    const second = await start();
    try {
      expect((second.get(Config) as unknown as Config<LiveKeys>).values.GREETING).toBe('newest');
    } finally {
      await second.stop();
      await etcd.delete(`${PREFIX}GREETNG`);
    }
  });

  test('what changes before all is ready is taken as soon as it is', async () => {
    onTestFinished(async () => {
      await etcd.put(`${PREFIX}GREETING`, 'newest');
      await greets('newest');
    });
    const change = during(async (sources) => {
      await etcd.put(`${PREFIX}GREETING`, 'meanwhile');
      await eventually('the store is heard', () => storeSays(sources, 'GREETING') === 'meanwhile');
    });
    const second = await start({}, change);
    try {
      const values = () => (second.get(Config) as unknown as Config<LiveKeys>).values;
      await eventually('it is taken', () => values().GREETING === 'meanwhile', 5000);
      const { revisions } = (await second.management.get('/config/revisions')).body;
      expect(revisions[0]).toMatchObject({ revision: 2, cause: ETCD, changes: [{ previous: 'newest' }] });
    } finally {
      await second.stop();
    }
  });

  test('what becomes wrong before all is ready is refused, and is in no snapshot', async () => {
    onTestFinished(() => etcd.delete(`${PREFIX}GREETNG`));
    const change = during(async (sources) => {
      await etcd.put(`${PREFIX}GREETNG`, 'x');
      await eventually('the store is heard', () => storeSays(sources, 'GREETNG') === 'x');
    });
    const file = join(directory, 'of-its-own.json');
    const second = await start({ CONFIG_SNAPSHOT_FILE: file }, change);
    try {
      const refused = async () => (await second.management.get('/config')).body.refused;
      await eventually('it is refused', async () => (await refused()) !== null, 5000);
      expect(await refused()).toMatchObject({ by: 'schema', cause: ETCD });
      const contents = JSON.parse(readFileSync(file, 'utf8')).sources[ETCD];
      expect(contents).toHaveProperty('GREETING', 'newest');
      expect(contents).not.toHaveProperty('GREETNG');
    } finally {
      await second.stop();
    }
  });

  test('not where CONFIG_REMOTE_REQUIRED=true, nor where there is no snapshot', async () => {
    const away = await dead();
    await expect(start({ ...away, CONFIG_REMOTE_REQUIRED: 'true' })).rejects.toThrow(
      `${ETCD} cannot be read`,
    );
    const none = join(directory, 'none.json');
    await expect(start({ ...away, CONFIG_SNAPSHOT_FILE: none })).rejects.toThrow('CONFIG_SNAPSHOT_FILE');
  });

  test('another member of the cluster is asked when the first is away', async () => {
    const { ETCD_ENDPOINTS } = await dead();
    const second = await start({
      ETCD_ENDPOINTS: `${ETCD_ENDPOINTS},${etcd.url}`,
      CONFIG_REMOTE_REQUIRED: 'true',
    });
    await second.stop();
  });

  test('a token that Consul does not know is told', async () => {
    await expect(start({ CONSUL_TOKEN: 'wrong', CONFIG_REMOTE_REQUIRED: 'true' })).rejects.toThrow(
      'answers 403. Give CONSUL_TOKEN key:read of the prefix',
    );
  });

  test('etcd is asked over TLS, with a certificate of the client where it wants one', async () => {
    const authority = await TestAuthority.create();
    const [own, client] = [
      await authority.issue({ name: 'etcd' }),
      await authority.issue({ name: 'service' }),
    ];
    const files = { ca: authority.certificate, cert: client.cert, key: client.key };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, `${name}.pem`), text);
    // Stands before etcd: its gateway would need a certificate for itself.
    const gate = createServer({ ...own, ca: authority.certificate, requestCert: true }, (socket) => {
      const inner = connect(Number(new URL(etcd.url).port), '127.0.0.1');
      socket.pipe(inner).pipe(socket);
      for (const end of [socket, inner]) end.on('error', () => [socket.destroy(), inner.destroy()]);
    });
    await once(gate.listen(0, '127.0.0.1'), 'listening');
    const ETCD_ENDPOINTS = `https://127.0.0.1:${(gate.address() as AddressInfo).port}`;
    const mine = { ETCD_ENDPOINTS, ETCD_CA_FILE: join(directory, 'ca.pem'), CONFIG_REMOTE_REQUIRED: 'true' };
    await expect(start(mine)).rejects.toThrow(`${ETCD} cannot be read`);
    const second = await start({
      ...mine,
      ETCD_CERT_FILE: join(directory, 'cert.pem'),
      ETCD_KEY_FILE: join(directory, 'key.pem'),
    });
    expect((second.get(Config) as unknown as Config<LiveKeys>).values.GREETING).toBe('newest');
    await second.stop();
    gate.close();
  });

  test('etcd asks for a user and a password, once it does', async () => {
    const user = { ETCD_USERNAME: 'svc', CONFIG_REMOTE_REQUIRED: 'true' };
    // Whoever rolls this out gives the services their user first.
    const early = await start({ ...user, ETCD_PASSWORD: 'right' });
    await etcd.ask('/v3/auth/user/add', { name: 'root', password: 'root' });
    await etcd.ask('/v3/auth/role/add', { name: 'root' });
    await etcd.ask('/v3/auth/user/grant', { user: 'root', role: 'root' });
    await etcd.ask('/v3/auth/user/add', { name: 'svc', password: 'right' });
    await etcd.ask('/v3/auth/enable', {});
    await expect(start({ CONFIG_REMOTE_REQUIRED: 'true' })).rejects.toThrow(
      'answers 400 (etcdserver: user name is empty). Set ETCD_USERNAME and ETCD_PASSWORD.',
    );
    await expect(start({ ...user, ETCD_PASSWORD: 'hunter2' })).rejects.toThrow(
      'does not know ETCD_USERNAME with ETCD_PASSWORD',
    );
    await expect(start({ ...user, ETCD_PASSWORD: 'right' })).rejects.toThrow(
      'answers 403 (etcdserver: permission denied). The user needs to read the prefix.',
    );
    await early.stop();
    const second = await start({ ...user, ETCD_USERNAME: 'root', ETCD_PASSWORD: 'root' });
    await second.stop();
  });
});
