import { Controller, Get, Module } from '@nestjs/common';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { currentCall } from '#chassis/context';
import { Rpc } from '#chassis/grpc';
import { TestAuthority, type TestCertificate } from '../support/certificates.js';
import { eventually, order, Probes, TestApp, type TestAppOptions } from '../support/index.js';
import { Order } from '../support/probe.js';
import { RawConnection } from '../support/raw-connection.js';
import { Scrape } from '../support/scrape.js';
import { TlsFiles } from '../support/tls-files.js';
import { TlsTestClient, tlsGrpcClient } from '../support/tls-test-client.js';

const ROOT = new URL('../../', import.meta.url);
const DAY_MS = 86_400_000;
type Line = Readonly<Record<string, unknown>>;

/** Answers what the call knows of its client's certificate. */
@Controller()
class CertificateController {
  @Get('certificate')
  rest(): object {
    return { certificate: currentCall()?.clientCertificate ?? null };
  }

  @Rpc(Probes.unary, Order)
  async unary(): Promise<Order> {
    return { ...order('echo'), domain: currentCall()?.clientCertificate?.fingerprint ?? 'none' };
  }

  @Rpc(Probes.bidi, Order)
  async *bidi(orders: AsyncIterable<Order>): AsyncGenerator<Order> {
    for await (const each of orders) yield each;
  }
}

@Module({ controllers: [CertificateController] })
class CertificateModule {}

let authority: TestAuthority;
let stranger: TestAuthority;
let service: TestCertificate;
let client: TestCertificate;
let files: TlsFiles;
let caFile: string;
const lines: Line[] = [];
const apps: TestApp[] = [];

beforeAll(async () => {
  [authority, stranger] = await Promise.all([TestAuthority.create(), TestAuthority.create('Stranger')]);
  service = await authority.issue({ name: 'service' });
  client = await authority.issue({
    name: 'payments',
    altNames: 'URI:spiffe://example.org/payments,DNS:payments.example.org',
  });
  files = TlsFiles.with(service);
  caFile = files.replace('ca.crt', authority.certificate);
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop();
  lines.length = 0;
});
afterAll(() => {
  files.remove();
  authority.remove();
  stranger.remove();
});

async function start(config: Record<string, unknown> = {}, options: TestAppOptions = {}): Promise<TestApp> {
  const app = await TestApp.start({
    service: { module: CertificateModule, root: ROOT },
    config: { LOG_LEVEL: 'debug', ...files.config, ...config },
    logTo: { write: (line) => lines.push(JSON.parse(line) as Line) },
    tls: { ca: authority.certificate },
    ...options,
  });
  apps.push(app);
  return app;
}

const handshakes = async (app: TestApp, labels: Record<string, string>) =>
  (await Scrape.of(app)).sum('tls_handshakes_total', labels);
const told = (result: string) =>
  lines.find((line) => line['msg'] === 'tls handshake' && line['result'] === result);

/** A handshake that succeeds. */
async function shake(address: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const [host = '', port] = address.split(':');
  const socket = connect({
    host,
    port: Number(port),
    ca: authority.certificate,
    servername: 'localhost',
    ...options,
  });
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  return socket;
}

/** The name of the certificate that new connections get. */
async function servedName(
  address: string,
  servername = 'localhost',
  ca = authority.certificate,
): Promise<unknown> {
  const socket = await shake(address, { servername, ca, checkServerIdentity: () => undefined });
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

/** What a client gets that asks at once, as TLS 1.3 lets it before the server has seen its certificate. */
async function askWith(address: string, options: ConnectionOptions): Promise<string> {
  const [host = '', port] = address.split(':');
  const target = { host, port: Number(port), ca: authority.certificate, servername: 'localhost' };
  const socket = connect({ ...target, ...options });
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write('GET /certificate HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
  await closed;
  return text;
}

/** What openssl's own client says. */
function sClient(address: string, ...parameters: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(
      'openssl',
      ['s_client', '-connect', address, ...parameters],
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
    child.stdin?.end();
  });
}

describe('handshakes', () => {
  test.each([
    ['http', ['h2', 'http/1.1'], 'h2', 'h2'],
    ['http', ['http/1.1'], 'http/1.1', 'http/1.1'],
    ['http', undefined, false, 'none'],
    ['grpc', ['h2'], 'h2', 'h2'],
  ] as const)('%s with ALPN %j agree on %s, counted and told', async (port, offered, agreed, label) => {
    const app = await start();
    const address = port === 'http' ? app.http.address : app.grpc.address;
    const socket = await shake(address, offered ? { ALPNProtocols: [...offered] } : {});
    expect(socket.alpnProtocol).toBe(agreed);
    await eventually('it is counted', async () => {
      return (await handshakes(app, { protocol: 'TLSv1.3', alpn: label, result: 'ok' })) === 1;
    });
    expect(told('ok')).toMatchObject({
      level: 'debug',
      transport: port,
      protocol: 'TLSv1.3',
      alpn: label,
      sni: 'localhost',
      client_ip: '127.0.0.1',
      resumed: false,
    });
    socket.destroy();
  });

  test('of TLS 1.2 use forward secrecy and AEAD', async () => {
    const app = await start();
    const socket = await shake(app.http.address, { maxVersion: 'TLSv1.2' });
    expect(socket.getCipher().name).toMatch(/^ECDHE-.*(GCM|POLY1305)/);
    socket.destroy();
  });

  test('of older protocols, without a common cipher or protocol over it are refused by name', async () => {
    const app = await start();
    await sClient(app.http.address, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0');
    await eventually('old', async () => (await handshakes(app, { result: 'protocol_version' })) === 1);
    await sClient(app.http.address, '-tls1_2', '-cipher', 'AES128-SHA');
    await eventually('weak', async () => (await handshakes(app, { result: 'no_shared_cipher' })) === 1);
    await sClient(app.grpc.address, '-alpn', 'smtp');
    await eventually('alpn', async () => (await handshakes(app, { result: 'no_shared_alpn' })) === 1);
  });

  test('TLS_MIN_VERSION=TLSv1.3 refuses TLS 1.2 on both ports', async () => {
    const app = await start({ TLS_MIN_VERSION: 'TLSv1.3' });
    for (const address of [app.http.address, app.grpc.address]) {
      await expect(shake(address, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version|ECONNRESET/i);
      (await shake(address)).destroy();
    }
  });

  test('that a client breaks off because it does not trust the service are told apart', async () => {
    const app = await start();
    const refused = shake(app.http.address, { ca: stranger.certificate });
    await expect(refused).rejects.toThrow(/unable to verify|self.signed|local issuer/i);
    await eventually('it is counted', async () => {
      const results = ['certificate_refused_by_client', 'client_gone'];
      const counts = await Promise.all(results.map((result) => handshakes(app, { result })));
      return counts.some((count) => count === 1);
    });
  });

  test.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: test\r\n\r\n', 'plain_http'],
    ['garbage', '\x00\x01\x02 no TLS at all, and long enough for a record', 'not_tls'],
  ])('%s on either port is closed at once and is no call', async (_name, bytes, result) => {
    const app = await start();
    for (const address of [app.http.address, app.grpc.address]) {
      const connection = await RawConnection.open(address);
      connection.write(bytes);
      await connection.closed;
    }
    await eventually('both are counted', async () => (await handshakes(app, { result })) === 2);
    expect((await Scrape.of(app)).sum('http_server_request_duration_seconds_count')).toBe(0);
    expect(lines.filter(({ msg }) => msg === 'call')).toEqual([]);
  });

  test('that never end are closed after their time; others are served meanwhile', async () => {
    const app = await start({ TLS_HANDSHAKE_TIMEOUT_MS: 1000 });
    const flood = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        RawConnection.open(index % 2 === 0 ? app.http.address : app.grpc.address),
      ),
    );
    expect((await app.http.get('/certificate')).status).toBe(200);
    expect((await app.grpc.unary(Probes.unary, order('echo'))).domain).toBe('none');
    const closedAfterMs = await Promise.all(flood.map(({ closed }) => closed));
    expect(Math.min(...closedAfterMs)).toBeGreaterThan(900);
    await eventually('all are counted', async () => (await handshakes(app, { result: 'timeout' })) === 200);
  });

  test('do not start anew on an open connection', async () => {
    const app = await start();
    const socket = await shake(app.http.address, { maxVersion: 'TLSv1.2' });
    await expect(
      new Promise((resolve, reject) => {
        socket.on('close', () => reject(new Error('closed')));
        socket.renegotiate({}, (error) => (error ? reject(error) : resolve('anew')));
      }),
    ).rejects.toThrow();
  });

  test('one port alone can stay plain', async () => {
    const app = await start({ TLS_GRPC: 'false' });
    expect((await app.http.get('/certificate')).status).toBe(200);
    await expect(shake(app.grpc.address)).rejects.toThrow();
  });
});

describe('client certificates', () => {
  const required = () => ({ TLS_CLIENT_AUTH: 'require', TLS_CLIENT_CA_FILE: caFile });
  const optional = () => ({ TLS_CLIENT_AUTH: 'request', TLS_CLIENT_CA_FILE: caFile });

  test.each(['h1', 'h2'] as const)('reach calls over REST (%s) and gRPC, in either mode', async (version) => {
    for (const config of [required(), optional()]) {
      const app = await start(config, { tls: { ca: authority.certificate, client, version } });
      const { body } = await app.http.get('/certificate');
      expect(body.certificate).toEqual({
        subject: 'CN=payments',
        commonName: 'payments',
        uris: ['spiffe://example.org/payments'],
        dnsNames: ['payments.example.org'],
        fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
        expiresAt: expect.any(Number),
      });
      // Again on the same connection.
      expect((await app.http.get('/certificate')).body).toEqual(body);
      const { domain } = await app.grpc.unary(Probes.unary, order('echo'));
      expect(domain).toBe(body.certificate.fingerprint);
      expect(told('ok')).toMatchObject({ client_fingerprint: body.certificate.fingerprint });
      expect((app.http as TlsTestClient).connections).toBe(1);
    }
  });

  test('are optional with request', async () => {
    const app = await start(optional());
    expect((await app.http.get('/certificate')).body).toEqual({ certificate: null });
    expect((await app.grpc.unary(Probes.unary, order('echo'))).domain).toBe('none');
  });

  test('survive a resumed session', async () => {
    const app = await start(required());
    const first = await shake(app.http.address, client);
    const session = once(first, 'session');
    first.write('GET /certificate HTTP/1.1\r\nHost: test\r\n\r\n');
    const [ticket] = (await session) as [Buffer];
    first.destroy();
    const second = await shake(app.http.address, { ...client, session: ticket });
    expect(second.isSessionReused()).toBe(true);
    second.write('GET /certificate HTTP/1.1\r\nHost: test\r\n\r\n');
    expect(String((await once(second, 'data'))[0])).toContain('spiffe://example.org/payments');
    second.destroy();
  });

  test.each(['require', 'request'])('that are not valid do not get through with %s', async (mode) => {
    const crl = files.replace('list.crl', await authority.revoke(await authority.issue({ name: 'revoked' })));
    const revoked = await authority.issue({ name: 'later revoked' });
    files.replace('list.crl', await authority.revoke(revoked));
    const app = await start({ TLS_CLIENT_AUTH: mode, TLS_CLIENT_CA_FILE: caFile, TLS_CLIENT_CRL_FILE: crl });
    const now = Date.now();
    const wrong: [string, TestCertificate][] = [
      ['client_certificate_untrusted', await stranger.issue({ name: 'stranger' })],
      ['client_certificate_expired', await authority.issue({ name: 'old', to: new Date(now - 60_000) })],
      [
        'client_certificate_not_yet_valid',
        await authority.issue({ name: 'new', from: new Date(now + DAY_MS), to: new Date(now + 2 * DAY_MS) }),
      ],
      ['client_certificate_revoked', revoked],
    ];
    for (const [result, certificate] of wrong) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        expect(await askWith(app.http.address, { ...certificate, maxVersion })).toBe('');
      }
      const grpc = tlsGrpcClient(app.grpc.address, { ca: authority.certificate, client: certificate });
      await expect(grpc.unary(Probes.unary, order('echo'))).rejects.toThrow(/UNAVAILABLE/);
      grpc.close();
      await eventually(`${result} is counted`, async () => (await handshakes(app, { result })) >= 3);
    }
    expect(lines.filter(({ msg }) => msg === 'call')).toEqual([]);
    expect(await askWith(app.http.address, client)).toContain('200 OK');
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'that are missing end the handshake with require, over %s',
    async (version) => {
      const app = await start(required());
      expect(await askWith(app.http.address, { maxVersion: version })).toBe('');
      const missing = { result: 'client_certificate_missing' };
      await eventually('it is counted', async () => (await handshakes(app, missing)) === 1);
      const grpc = tlsGrpcClient(app.grpc.address, { ca: authority.certificate });
      await expect(grpc.unary(Probes.unary, order('echo'))).rejects.toThrow(/UNAVAILABLE/);
      grpc.close();
    },
  );
});

describe('a start with files that do not fit', () => {
  const faultOf = async (config: Record<string, unknown>): Promise<string> => {
    const started = start(config);
    await expect(started).rejects.toMatchObject({ name: 'StartError' });
    return started.then(
      () => '',
      (error: Error) => error.message,
    );
  };
  const pairOf = (cert: string, key: string) => ({
    TLS_CERT_FILE: files.replace('bad.crt', cert),
    TLS_KEY_FILE: files.replace('bad.key', key),
  });

  test('says what is wrong, where, and what to do', async () => {
    const now = Date.now();
    const expired = await authority.issue({ name: 'old', to: new Date(now - 60_000) });
    const early = await authority.issue({
      name: 'new',
      from: new Date(now + DAY_MS),
      to: new Date(now + 2 * DAY_MS),
    });
    const missing = files.path('missing.crt');
    const cases: [() => Record<string, unknown>, RegExp][] = [
      [() => ({ TLS_CERT_FILE: missing }), /TLS_CERT_FILE \(.*missing.crt\) cannot be read \(ENOENT\)/],
      [() => pairOf(expired.cert, expired.key), /TLS_CERT_FILE .*has expired on .*renew/],
      [() => pairOf(early.cert, early.key), /TLS_CERT_FILE .*is not valid before/],
      [() => pairOf(service.cert, client.key), /TLS_KEY_FILE .*is not the key of the certificate/],
      [() => pairOf('nonsense', service.key), /TLS_CERT_FILE .*has no certificate/],
      [() => pairOf(service.cert.slice(0, 300), service.key), /TLS_CERT_FILE .*has no certificate/],
      [() => pairOf(service.cert.replaceAll('M', 'Q'), service.key), /TLS_CERT_FILE .*cannot be read/],
      [() => pairOf(service.cert, 'nonsense'), /TLS_KEY_FILE .*has no private key/],
      [() => pairOf(authority.certificate + service.cert, service.key), /TLS_CERT_FILE .*must begin with/],
      [() => ({ TLS_KEY_FILE: '' }), /TLS_CERT_FILE names 1 and TLS_KEY_FILE 0/],
      [() => ({ TLS_CERT_FILE: '' }), /TLS_KEY_FILE without TLS_CERT_FILE/],
      [() => ({ TLS_HTTP: 'false', TLS_GRPC: 'false' }), /TLS_HTTP and TLS_GRPC are both false/],
      [() => ({ TLS_CLIENT_AUTH: 'require' }), /TLS_CLIENT_AUTH=require needs TLS_CLIENT_CA_FILE/],
      [() => ({ TLS_CLIENT_CA_FILE: caFile }), /TLS_CLIENT_AUTH is none/],
      [() => ({ TLS_CIPHERS: 'NO-SUCH-CIPHER' }), /TLS_CIPHERS names no cipher/],
      [
        () => ({
          TLS_CLIENT_AUTH: 'require',
          TLS_CLIENT_CA_FILE: caFile,
          TLS_CLIENT_CRL_FILE: files.replace('x.crl', 'no'),
        }),
        /TLS_CLIENT_CRL_FILE .*refused by OpenSSL/,
      ],
    ];
    for (const [config, message] of cases) expect(await faultOf(config())).toMatch(message);
  });

  test('takes a key with a passphrase, and says when that is wrong', async () => {
    const encrypted = await new Promise<string>((resolve, reject) => {
      const child = execFile('openssl', ['pkcs8', '-topk8', '-passout', 'pass:s3cret'], (error, stdout) =>
        error ? reject(new Error('openssl', { cause: error })) : resolve(stdout),
      );
      child.stdin?.end(service.key);
    });
    const config = pairOf(service.cert, encrypted);
    expect(await faultOf(config)).toMatch(/TLS_KEY_FILE .*cannot be decrypted: TLS_KEY_PASSPHRASE_FILE/);
    const wrong = { ...config, TLS_KEY_PASSPHRASE_FILE: files.replace('pass', 'other') };
    expect(await faultOf(wrong)).toMatch(/cannot be decrypted/);
    const app = await start({ ...config, TLS_KEY_PASSPHRASE_FILE: files.replace('pass', 's3cret\n') });
    expect(await servedName(app.http.address)).toBe('service');
  });
});

describe('several certificates', () => {
  test('are chosen by the host that the client asks for', async () => {
    const [one, two] = await Promise.all([
      authority.issue({ name: 'one', altNames: 'DNS:one.example' }),
      stranger.issue({ name: 'two', altNames: 'DNS:*.two.example' }),
    ]);
    const app = await start({
      TLS_CERT_FILE: `${files.replace('one.crt', one.cert)}, ${files.replace('two.crt', two.cert)}`,
      TLS_KEY_FILE: `${files.replace('one.key', one.key)}, ${files.replace('two.key', two.key)}`,
    });
    const both = authority.certificate + stranger.certificate;
    for (const address of [app.http.address, app.grpc.address]) {
      expect(await servedName(address, 'one.example', both)).toBe('one');
      expect(await servedName(address, 'api.two.example', both)).toBe('two');
      expect(await servedName(address, 'unknown.example', both)).toBe('one');
    }
    const three = await stranger.issue({ name: 'three', altNames: 'DNS:*.two.example' });
    files.replace('two.key', three.key);
    files.replace('two.crt', three.cert);
    await eventually(
      'the new one',
      async () => (await servedName(app.grpc.address, 'api.two.example', both)) === 'three',
    );
  });
});
