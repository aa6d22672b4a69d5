import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { OrderServiceService as Orders } from '#generated/orders/v1/orders';
import { TestAuthority } from '../support/certificates.js';
import { eventually } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { startProcess } from '../support/service-process.js';
import { TlsFiles } from '../support/tls-files.js';
import { tlsGrpcClient, TlsTestClient } from '../support/tls-test-client.js';

const START_MS = 90_000;
const TEST_MS = 240_000;

let authority: TestAuthority;
let files: TlsFiles;
beforeAll(async () => {
  authority = await TestAuthority.create();
  files = TlsFiles.with(await authority.issue({ name: 'first' }));
});
afterAll(() => {
  files.remove();
  authority.remove();
});

test(
  'several workers serve TLS, change their certificates, and hand over without a failed call',
  async () => {
    const DATABASE_URL = await createDatabase(inject('postgresUrl'));
    await using service = await startProcess({
      env: { DATABASE_URL, WORKERS: '2', SHUTDOWN_PROPAGATION_MS: '0', ...files.config },
    });
    await service.ready();
    const ca = authority.certificate;
    const ask = async (version: 'h1' | 'h2') => {
      const client = new TlsTestClient(service.address('http'), { ca, version });
      const { status } = await client.get('/v1/orders').finally(() => client.close());
      expect(status).toBe(200);
    };
    const list = async () => {
      const client = tlsGrpcClient(service.address('grpc'), { ca });
      await client.unary(Orders.listOrders, { pageSize: 1 }).finally(() => client.close());
    };
    for (let round = 0; round < 4; round++) await Promise.all([ask('h1'), ask('h2'), list()]);
    files.write(await authority.issue({ name: 'second' }));
    const changed = () => service.lines.filter(({ subject }) => subject === 'CN=second');
    await eventually('both workers changed it', () => changed().length === 2, START_MS);
    const { body } = await service.management.get('/metrics');
    const count = /^tls_handshakes_total\{protocol="TLSv1.3",alpn="h2",result="ok"\} (\d+)/m.exec(
      String(body),
    )?.[1];
    expect(Number(count)).toBe(8);
    service.signal('SIGUSR2');
    const isOver = () => service.lines.filter(({ msg }) => msg === 'worker ready').length >= 4;
    while (!isOver()) await Promise.all([ask('h1'), ask('h2'), list()]);
    await Promise.all([ask('h1'), ask('h2'), list()]);
    expect(await service.stop()).toBe(0);
    expect(service.stderr).toBe('');
  },
  TEST_MS,
);
