import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { Controller, Injectable, Module, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Database } from '#chassis/database';
import { CircuitBreaker, Retry } from '#chassis/resilience';
import { TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { copyServiceWith } from '../support/service-copy.js';
import { startProcess, type LogLine, type ProcessOptions } from '../support/service-process.js';
import { freePort } from '../support/free-ports.js';

/** Past this a failed start is no quick one any more; the machine of a test may be busy. */
const QUICK_MS = 10_000;
/** It starts three times in one test, which is seconds each. */
const EMBEDDED_MS = 120_000;
const SECRET = 's3cr3t-v4lue';

let directory: string;
let squatter: Server;
let takenPort: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'start-faults-'));
  squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  takenPort = String((squatter.address() as AddressInfo).port);
});
afterAll(() => {
  squatter.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The one line of a start that failed as it should. */
async function failedStart(options: ProcessOptions): Promise<LogLine> {
  await using service = await startProcess(options);
  const begin = performance.now();
  expect(await service.exit).toBe(1);
  expect(performance.now() - begin).toBeLessThan(QUICK_MS);
  expect(service.stderr).toBe('');
  expect(service.lines).toHaveLength(1);
  const [line = {}] = service.lines;
  expect(line).toMatchObject({ level: 'fatal', time: expect.any(String), msg: expect.any(String) });
  expect(JSON.stringify(line)).not.toContain(SECRET);
  return line;
}

/** What a start in this process is refused with: a fault of the surroundings, of which a process makes that one line. */
async function refusedStart(config: Readonly<Record<string, unknown>>): Promise<string> {
  const fault: unknown = await TestApp.start({ config }).catch((error: unknown) => error);
  expect(fault).toMatchObject({ name: 'StartError', message: expect.any(String) });
  return (fault as Error).message;
}

describe('a configuration that is not valid', () => {
  test('is reported with all its faults at once, by key and never by value', async () => {
    const { msg } = await failedStart({
      env: {
        APP_ENV: 'prod',
        HTTP_PORT: SECRET,
        LOG_LEVEL: SECRET,
        DATABASE_URL: `mysql://root:${SECRET}@db/shop`,
        MAX_MESSAGE_BYTES: '1',
        SERVICE_NAME: `Not ${SECRET}`,
      },
    });
    for (const key of ['HTTP_PORT', 'LOG_LEVEL', 'DATABASE_URL', 'MAX_MESSAGE_BYTES', 'SERVICE_NAME'])
      expect(msg).toContain(key);
    // The profiles that there are.
    expect(msg).toMatch(/APP_ENV.*"production"/);
  });

  test('names the unknown keys of a profile', async () => {
    const root = await copyServiceWith(
      join(directory, 'unknown-key'),
      'config/test.yaml',
      `HTTP_PROT: ${SECRET}\nHTTP_PORT: 0\n`,
    );
    const { msg } = await failedStart({ root });
    expect(msg).toMatch(/config\/test\.yaml.*HTTP_PROT/);
  });
});

describe('surroundings that do not fit', () => {
  test('tell of a taken port in one line', async () => {
    const DATABASE_URL = await createDatabase(inject('postgresUrl'));
    const line = await failedStart({ env: { DATABASE_URL, HTTP_PORT: takenPort } });
    expect(line['msg']).toMatch(new RegExp(`127\\.0\\.0\\.1:${takenPort}.*HTTP_PORT`));
    expect(line).not.toHaveProperty('err');
  });

  test.each(['GRPC_PORT', 'MANAGEMENT_PORT'])('name the taken port of %s', async (key) => {
    const message = await refusedStart({ [key]: takenPort });
    expect(message).toMatch(new RegExp(`127\\.0\\.0\\.1:${takenPort}.*${key}`));
  });

  test('say that several workers are wanted and that no primary could begin them', async () => {
    const config = { WORKERS: '2', DATA_DIR: join(directory, 'data-of-workers') };
    expect(await refusedStart(config)).toMatch(/^WORKERS=2: the primary.* v1 or kms1/);
  });

  test('say that two ports of the service are one', async () => {
    const port = await freePort();
    const message = await refusedStart({ HTTP_PORT: port, GRPC_PORT: port });
    expect(message).toMatch(/another port of this one.*set HTTP_PORT to another/);
  });

  test.each([
    ['HOST', { MANAGEMENT_HOST: '127.0.0.1' }, /EADDRNOTAVAIL\)\. Correct HOST\.$/],
    ['MANAGEMENT_HOST', {}, /EADDRNOTAVAIL\)\. Correct MANAGEMENT_HOST/],
  ])('name %s when the machine has no such address', async (key, config, says) => {
    expect(await refusedStart({ ...config, [key]: '203.0.113.1' })).toMatch(says);
  });

  test('name the data directory that is no folder', async () => {
    const DATA_DIR = join(directory, 'a-file');
    writeFileSync(DATA_DIR, '');
    expect(await refusedStart({ DATA_DIR })).toMatch(
      new RegExp(`${DATA_DIR} cannot be written \\(EEXIST\\)\\. Set DATA_DIR`),
    );
  });

  test('name the folder of an embedded database that is of another version or damaged', async () => {
    const DATA_DIR = join(directory, 'another-version');
    mkdirSync(join(DATA_DIR, 'postgres'), { recursive: true });
    writeFileSync(join(DATA_DIR, 'postgres/PG_VERSION'), '9.6\n');
    expect(await refusedStart({ DATA_DIR })).toMatch(
      new RegExp(`^The embedded database in ${DATA_DIR}/postgres cannot be started \\(.+\\)\\. Make room`),
    );
  });

  test('name the folder of an embedded database for which there is no room', async () => {
    await using service = await startProcess({ env: { DATA_DIR: join(directory, 'no-room') } });
    execFileSync('prlimit', ['--pid', String(service.pid), '--fsize=1000000:unlimited']);
    expect(await service.exit).toBe(1);
    expect(service.lines).toMatchObject([
      {
        level: 'fatal',
        msg: expect.stringMatching(/no-room\/postgres cannot be started \(.+\)\. Make room/),
      },
    ]);
  });

  test.each([
    ['TLS_CERT_FILE', { TLS_KEY_FILE: 'a-key' }],
    ['AUTH_API_KEYS_FILE', {}],
    ['AUDIT_KEY_FILE', { AUDIT_SINK: 'file', AUDIT_DIR: join(tmpdir(), 'never-made') }],
    ['CONFIG_KEY_FILE', { MANAGEMENT_TOKEN: `enc:v1:a:${'A'.repeat(64)}` }],
    ['PLUGINS_MANIFEST', {}],
  ])('name %s when it is a pipe that nobody may ever write to', async (key, others) => {
    const pipe = join(directory, `pipe-of-${key}`);
    execFileSync('mkfifo', ['-m', '600', pipe]);
    const config = { ...others, [key]: pipe };
    await expect(TestApp.start({ config })).rejects.toThrow(new RegExp(`${key}.*no regular file`));
  });

  test.each([
    ['OTEL_EXPORTER_OTLP_CERTIFICATE', {}],
    ['OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE', { OTEL_EXPORTER_OTLP_CLIENT_KEY: 'a-key' }],
    ['OTEL_EXPORTER_OTLP_CLIENT_KEY', {}],
  ])('name %s when it is no file, and when it holds nothing of the kind', async (key, others) => {
    const config = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://localhost', ...others };
    const junk = join(directory, 'junk.pem');
    writeFileSync(junk, 'junk');
    for (const path of [join(directory, 'nowhere.pem'), junk])
      expect(await refusedStart({ ...config, [key]: path })).toMatch(new RegExp(key));
  });

  test('name a source of the configuration that is a device without an end', async () => {
    await expect(TestApp.start({ config: { CONFIG_FILES: '/dev/zero' } })).rejects.toThrow(
      /file:\/dev\/zero cannot be read \(no regular file\)/,
    );
  });

  test('name the database server that nobody runs, without the password', async () => {
    const port = await freePort();
    const line = await failedStart({
      env: { DATABASE_URL: `postgres://shop:${SECRET}@127.0.0.1:${port}/shop` },
    });
    expect(line['msg']).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}.*DATABASE_URL`));
    expect(line).not.toHaveProperty('err');
  });
});

describe('the embedded database', () => {
  @Injectable()
  class Broken {
    constructor(_database: Database) {
      throw new Error('a provider that cannot be made');
    }
  }
  @Module({ providers: [Broken] })
  class BrokenModule {}

  test(
    'is closed by a start that fails; of one that has it, another process names the directory and the process',
    { timeout: EMBEDDED_MS },
    async () => {
      const DATA_DIR = join(directory, 'data');
      await expect(TestApp.start({ imports: [BrokenModule], config: { DATA_DIR } })).rejects.toThrow(
        /a provider that cannot be made/,
      );
      await expect(TestApp.start({ config: { DATA_DIR, HTTP_PORT: takenPort } })).rejects.toThrow(
        /HTTP_PORT/,
      );
      const app = await TestApp.start({ config: { DATA_DIR } });
      const line = await failedStart({ env: { DATA_DIR } });
      expect(line['msg']).toMatch(new RegExp(`${DATA_DIR}.* ${process.pid}\\b.*DATABASE_URL`));
      expect(line).not.toHaveProperty('err');
      expect((await app.management.get('/readyz')).status).toBe(200);
      await app.stop();
    },
  );
});

describe('a policy that cannot be where it stands, of which Nest would only warn', () => {
  @Controller('posts')
  class Posts {
    @Post()
    @Retry()
    async create(): Promise<void> {}
  }
  @Module({ controllers: [Posts] })
  class PostsModule {}
  @Injectable()
  class Named {
    @CircuitBreaker({ name: 'named' })
    async run(): Promise<void> {}
  }
  @Module({ providers: [Named] })
  class NamedModule {}

  test('by its decorator', async () => {
    await expect(TestApp.start({ imports: [PostsModule] })).rejects.toThrow(
      /^Posts\.create has @Retry or @Hedge/,
    );
  });

  test('by its rules in the configuration', async () => {
    const config = { RESILIENCE_POLICIES: [{ name: 'named', breaker: { threshold: 3 } }] };
    await expect(TestApp.start({ imports: [NamedModule], config })).rejects.toThrow(
      /"named": breaker\.threshold: must be a ratio/,
    );
  });
});
