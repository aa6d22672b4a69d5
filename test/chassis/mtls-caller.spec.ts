import { Controller, Get, Module } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Caller, Scopes } from '#chassis/auth';
import type { Principal } from '#chassis/context';
import { TestAuthority, type TestCertificate } from '../support/certificates.js';
import { order, ProbeModule, Probes, TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { TlsFiles } from '../support/tls-files.js';
import type { TlsTestClient } from '../support/tls-test-client.js';

@Controller('who')
class WhoController {
  @Get()
  @Scopes('read')
  who(@Caller() { scheme, id }: Principal): object {
    return { scheme, id };
  }
}

@Module({ imports: [ProbeModule], controllers: [WhoController] })
class WhoModule {}

const LEDGER = 'spiffe://test/ledger';
const POLICY = [{ name: 'callers', limit: 2, windowMs: 3_600_000, by: 'principal' }];
let authority: TestAuthority;
let files: TlsFiles;
let DATABASE_URL: string;

beforeAll(async () => {
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
  authority = await TestAuthority.create();
  files = TlsFiles.with(await authority.issue({ name: 'service' }));
  files.replace('ca.crt', authority.certificate);
  files.replace('identities.json', JSON.stringify({ identities: [{ identity: LEDGER, scopes: ['read'] }] }));
});
afterAll(() => {
  files.remove();
  authority.remove();
});

const issue = (uri: string): Promise<TestCertificate> =>
  authority.issue({ name: 'client', altNames: `URI:${uri}` });

/** A client's certificate goes the whole way: handshake, edge, guards, log line. */
describe.each(['h1', 'h2'] as const)('over TLS with %s', (version) => {
  const lines: Record<string, unknown>[] = [];
  const start = async (client: TestCertificate | undefined): Promise<TestApp> =>
    TestApp.start({
      service: { module: WhoModule, root: new URL('../../', import.meta.url) },
      config: {
        DATABASE_URL,
        ...files.config,
        LOG_LEVEL: 'info',
        TLS_CLIENT_AUTH: 'request',
        TLS_CLIENT_CA_FILE: files.path('ca.crt'),
        AUTH_MTLS: 'uri',
        AUTH_MTLS_FILE: files.path('identities.json'),
        RATE_LIMIT_POLICIES: POLICY,
      },
      tls: { ca: authority.certificate, client, version },
      logTo: { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    });

  test('names the caller, whose calls of both transports count together', async () => {
    const app = await start(await issue(LEDGER));
    expect((await app.http.get('/who')).body).toEqual({ scheme: 'mtls', id: LEDGER });
    await app.grpc.unary(Probes.unary, order('echo'));
    const { status, body } = await app.http.get('/who');
    expect([status, body.reason]).toEqual([429, 'RATE_LIMITED']);
    await expect(app.grpc.unary(Probes.unary, order('echo'))).rejects.toThrow(/RESOURCE_EXHAUSTED/);
    await app.stop();
    const calls = lines.filter(({ msg }) => msg === 'call');
    expect(calls.map(({ principal }) => principal)).toEqual([LEDGER, LEDGER, LEDGER, LEDGER]);
  });

  test('is no caller any more when the certificate has expired, on connections that are open, too', async () => {
    const to = new Date(Date.now() + 8000);
    const app = await start(await authority.issue({ name: 'client', altNames: `URI:${LEDGER}`, to }));
    expect((await app.http.get('/who')).status).toBe(200);
    await app.grpc.unary(Probes.unary, order('echo'));
    await sleep(to.getTime() - Date.now() + 1);
    const { status, body } = await app.http.get('/who');
    expect([status, body.reason]).toEqual([401, 'CERTIFICATE_EXPIRED']);
    expect((app.http as TlsTestClient).connections).toBe(1);
    await expect(app.grpc.unary(Probes.unary, order('echo'))).rejects.toThrow(/UNAUTHENTICATED/);
    await app.stop();
  });

  test.each([
    ['of somebody else', 'spiffe://test/stranger', 'CERTIFICATE_NOT_ACCEPTED'],
    ['none', undefined, 'CREDENTIALS_MISSING'],
  ])('refuses a certificate %s', async (_name, uri, reason) => {
    const app = await start(uri === undefined ? undefined : await issue(uri));
    const { status, body } = await app.http.get('/who');
    expect([status, body.reason]).toEqual([401, reason]);
    await expect(app.grpc.unary(Probes.unary, order('echo'))).rejects.toThrow(/UNAUTHENTICATED/);
    await app.stop();
  });
});
