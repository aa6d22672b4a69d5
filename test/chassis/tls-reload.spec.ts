import { Controller, Get, Module } from '@nestjs/common';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type ConnectionOptions } from 'node:tls';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Rpc } from '#chassis/grpc';
import { TestAuthority, type TestCertificate } from '../support/certificates.js';
import { eventually, order, Probes, TestApp } from '../support/index.js';
import { Order } from '../support/probe.js';
import { Repeated } from '../support/repeated.js';
import { Scrape } from '../support/scrape.js';
import { TlsFiles } from '../support/tls-files.js';
import { tlsGrpcClient, TlsTestClient } from '../support/tls-test-client.js';

const ROOT = new URL('../../', import.meta.url);
const DAY_MS = 86_400_000;
/** Certificates that follow each other while calls run. */
const CHANGES = process.env['SOAK'] ? 50 : 5;
type Line = Readonly<Record<string, unknown>>;

@Controller()
class EchoController {
  @Get('echo')
  echo(): object {
    return { word: 'echo' };
  }

  @Rpc(Probes.unary, Order)
  async unary(order: Order): Promise<Order> {
    return order;
  }

  @Rpc(Probes.bidi, Order)
  async *bidi(orders: AsyncIterable<Order>): AsyncGenerator<Order> {
    for await (const each of orders) yield each;
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

let authority: TestAuthority;
let files: TlsFiles;
let app: TestApp | undefined;
const lines: Line[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
});
afterEach(async () => {
  await app?.stop();
  app = undefined;
  files.remove();
  lines.length = 0;
});
afterAll(() => authority.remove());

async function start(first: TestCertificate, config: Record<string, unknown> = {}): Promise<TestApp> {
  files = TlsFiles.with(first);
  app = await TestApp.start({
    service: { module: EchoModule, root: ROOT },
    // Nothing is found by looking unless a test wants it.
    config: { LOG_LEVEL: 'info', TLS_RELOAD_INTERVAL_MS: 3_600_000, ...files.config, ...config },
    logTo: { write: (line) => lines.push(JSON.parse(line) as Line) },
    tls: { ca: authority.certificate },
  });
  return app;
}

/** The name of the certificate that a new connection gets; `closed` when it gets none. */
async function servedName(address: string, options: ConnectionOptions = {}): Promise<string> {
  const [host = '', port] = address.split(':');
  const target = { host, port: Number(port), ca: authority.certificate, servername: 'localhost' };
  const socket = connect({ ...target, ...options });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

const serves = (name: string, { http, grpc }: TestApp) =>
  eventually(`both ports serve ${name}`, async () => {
    return (await servedName(http.address)) === name && (await servedName(grpc.address)) === name;
  });
const reloads = async (of: TestApp, result: string) =>
  (await Scrape.of(of)).sum('tls_reloads_total', { result });

test('files that are rewritten or renamed into place are in use for new connections of both ports', async () => {
  const of = await start(await authority.issue({ name: 'first' }));
  files.write(await authority.issue({ name: 'second' }));
  await serves('second', of);
  const to = new Date(Math.floor(Date.now() / 1000) * 1000 + 30 * DAY_MS);
  const third = await authority.issue({ name: 'third', to });
  files.replace('tls.key', third.key);
  files.replace('tls.crt', third.cert);
  await serves('third', of);
  expect(lines.findLast(({ msg }) => msg === 'tls certificate in use')).toMatchObject({
    level: 'info',
    file: files.path('tls.crt'),
    subject: 'CN=third',
    names: 'DNS:localhost, IP Address:127.0.0.1',
    not_after: to.toISOString(),
    fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const scrape = await Scrape.of(of);
  expect(
    scrape.find('tls_certificate_expiry_timestamp_seconds', { file: files.path('tls.crt') })[0]?.value,
  ).toBe(to.getTime() / 1000);
  expect(scrape.sum('tls_reloads_total', { result: 'ok' })).toBe(2);
});

test("Kubernetes' change of the ..data link is seen", async () => {
  const [first, second] = [
    await authority.issue({ name: 'first' }),
    await authority.issue({ name: 'second' }),
  ];
  files = TlsFiles.with(first);
  const mount = files.path('mount');
  mkdirSync(`${mount}/..v1`, { recursive: true });
  const fill = (version: string, { cert, key }: TestCertificate) => {
    writeFileSync(`${mount}/${version}/tls.crt`, cert);
    writeFileSync(`${mount}/${version}/tls.key`, key);
  };
  fill('..v1', first);
  symlinkSync('..v1', `${mount}/..data`);
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, `${mount}/${name}`);
  const folder = files;
  const of = await start(first, { TLS_CERT_FILE: `${mount}/tls.crt`, TLS_KEY_FILE: `${mount}/tls.key` });
  mkdirSync(`${mount}/..v2`);
  fill('..v2', second);
  symlinkSync('..v2', `${mount}/..data_tmp`);
  renameSync(`${mount}/..data_tmp`, `${mount}/..data`);
  await serves('second', of);
  folder.remove();
});

test('what no folder tells is found by looking', async () => {
  const first = await authority.issue({ name: 'first' });
  files = TlsFiles.with(first);
  const folder = files;
  const mount = files.path('mount');
  const fill = (at: string, { cert, key }: TestCertificate) => {
    mkdirSync(at);
    writeFileSync(`${at}/tls.crt`, cert);
    writeFileSync(`${at}/tls.key`, key);
  };
  fill(mount, first);
  const of = await start(first, {
    TLS_CERT_FILE: `${mount}/tls.crt`,
    TLS_KEY_FILE: `${mount}/tls.key`,
    TLS_RELOAD_INTERVAL_MS: 200,
  });
  fill(`${mount}-new`, await authority.issue({ name: 'second' }));
  rmSync(mount, { recursive: true });
  renameSync(`${mount}-new`, mount);
  await serves('second', of);
  folder.remove();
});

test('files that are not valid are refused as a whole, said so, and the former ones serve on', async () => {
  const of = await start(await authority.issue({ name: 'first' }));
  const [second, third] = [
    await authority.issue({ name: 'second' }),
    await authority.issue({ name: 'third' }),
  ];
  const expired = await authority.issue({ name: 'old', to: new Date(Date.now() - 60_000) });
  const refusals: [() => void, RegExp][] = [
    [() => files.write({ cert: second.cert, key: third.key }), /TLS_KEY_FILE .*is not the key/],
    [() => files.write(expired), /TLS_CERT_FILE .*has expired/],
    [() => files.write({ cert: '', key: '' }), /TLS_CERT_FILE .*has no certificate/],
    [() => rmSync(files.path('tls.crt')), /TLS_CERT_FILE .*cannot be read \(ENOENT\)/],
  ];
  for (const [index, [change, fault]] of refusals.entries()) {
    change();
    await eventually('it is refused', async () => (await reloads(of, 'failed')) === index + 1);
    const line = lines.findLast(({ msg }) => String(msg).startsWith('changed TLS files are not valid'));
    expect(line).toMatchObject({ level: 'error', faults: [expect.stringMatching(fault)] });
    await serves('first', of);
  }
  files.write(third);
  await serves('third', of);
  expect(await reloads(of, 'ok')).toBe(1);
});

test('a certificate whose time has not come is refused once, and in use when it has', async () => {
  const of = await start(await authority.issue({ name: 'first' }), { TLS_RELOAD_INTERVAL_MS: 100 });
  files.write(await authority.issue({ name: 'early', from: new Date(Date.now() + 4000) }));
  await eventually('it is refused', async () => (await reloads(of, 'failed')) === 1);
  await serves('early', of);
  expect(await reloads(of, 'failed')).toBe(1);
});

test('a certificate that ends soon is warned of', async () => {
  const of = await start(await authority.issue({ name: 'first', to: new Date(Date.now() + 5 * DAY_MS) }));
  await eventually('it is told', () =>
    lines.some(({ msg }) => msg === 'tls certificate ends soon; renew it'),
  );
  expect(lines.find(({ msg }) => msg === 'tls certificate ends soon; renew it')).toMatchObject({
    level: 'warn',
    file: files.path('tls.crt'),
  });
  await serves('first', of);
});

test('a revocation list and authorities change, too: a resumed session does not outlive them', async () => {
  const client = await authority.issue({ name: 'client' });
  const list = await authority.revoke(await authority.issue({ name: 'another' }));
  const service = await authority.issue({ name: 'first' });
  files = TlsFiles.with(service);
  const folder = files;
  const [ca, crl] = [folder.replace('ca.crt', authority.certificate), folder.replace('list.crl', list)];
  const of = await start(service, {
    TLS_CLIENT_AUTH: 'require',
    TLS_CLIENT_CA_FILE: ca,
    TLS_CLIENT_CRL_FILE: crl,
  });
  const ask = async (session?: Buffer) => {
    const [host = '', port] = of.http.address.split(':');
    const target = { host, port: Number(port), ca: authority.certificate, servername: 'localhost' };
    const socket = connect({ ...target, ...client, ...(session && { session }) });
    let ticket: Buffer | undefined;
    let text = '';
    socket.on('session', (data: Buffer) => (ticket = data));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    let isReused = false;
    socket.on('secureConnect', () => (isReused = socket.isSessionReused()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET /echo HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
    await closed;
    return { ticket, text, isReused };
  };
  const { ticket } = await ask();
  expect(await ask(ticket)).toMatchObject({ isReused: true, text: expect.stringContaining('200 OK') });
  folder.replace('list.crl', await authority.revoke(client));
  await eventually('it is in use', async () => (await reloads(of, 'ok')) === 1);
  expect((await ask(ticket)).text).toBe('');
  folder.remove();
});

test('changes under load fail no call; streams and kept connections go on, new ones get the new certificate', async () => {
  const of = await start(await authority.issue({ name: 'certificate-0' }));
  const ca = authority.certificate;
  const kept = (['h1', 'h2'] as const).map((version) => new TlsTestClient(of.http.address, { ca, version }));
  const stream = of.grpc.bidi(Probes.bidi);
  let echoes = 0;
  stream.on('data', () => (echoes += 1));
  const get = async (client: TlsTestClient) => {
    const { status } = await client.get('/echo');
    if (status !== 200) throw new Error(`status ${status}`);
  };
  /** A connection of its own for every call. */
  const fresh = async (version: 'h1' | 'h2') => {
    const client = new TlsTestClient(of.http.address, { ca, version });
    await get(client).finally(() => client.close());
  };
  const freshGrpc = async () => {
    const client = tlsGrpcClient(of.grpc.address, { ca });
    await client.unary(Probes.unary, order('echo')).finally(() => client.close());
  };
  const onKept = [
    ...kept.map((client) => new Repeated(() => get(client))),
    new Repeated(() => of.grpc.unary(Probes.unary, order('echo'))),
  ];
  const onFresh = [() => fresh('h1'), () => fresh('h2'), freshGrpc].map((call) => new Repeated(call));
  for (let change = 1; change <= CHANGES; change++) {
    const { cert, key } = await authority.issue({ name: `certificate-${change}` });
    if (change % 2 === 0) files.write({ cert, key });
    else {
      files.replace('tls.key', key);
      files.replace('tls.crt', cert);
    }
    await serves(`certificate-${change}`, of);
    const before = echoes;
    stream.write(order('echo'));
    await eventually('the stream goes on', () => echoes > before);
  }
  const faults = (await Promise.all([...onKept, ...onFresh].map((each) => each.stop()))).flat();
  stream.end();
  for (const client of kept) client.close();
  const [ofKept, ofFresh] = [onKept, onFresh].map((all) => all.reduce((sum, { count }) => sum + count, 0));
  process.stdout.write(
    `tls reload: ${CHANGES} changes, ${ofKept} calls on kept and ${ofFresh} on new connections, ${faults.length} failed\n`,
  );
  expect(faults).toEqual([]);
  expect(ofFresh).toBeGreaterThan(10);
  expect(kept.map(({ connections }) => connections)).toEqual([1, 1]);
  expect(await reloads(of, 'failed')).toBe(0);
}, 120_000);
