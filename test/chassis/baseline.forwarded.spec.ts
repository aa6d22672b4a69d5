import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { CallObservers } from '#chassis/context';
import { eventually, order, ProbeModule, Probes, TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { frame, RawGrpcClient } from '../support/raw-grpc.js';
import { sendRaw } from '../support/raw-http.js';

const ROOT = new URL('../../', import.meta.url);
const PEER = '127.0.0.1';
const CLIENT = '198.51.100.7';
const body = frame(Probes.unary.requestSerialize(order('echo')));

let DATABASE_URL: string;
beforeAll(async () => {
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
});

/** Calls with `x-forwarded-for`, over every shape of call; gives the client's address that each had. */
interface Caller {
  readonly name: string;
  readonly call: (app: TestApp, forwardedFor: string) => Promise<void>;
}

const CALLERS: readonly Caller[] = [
  {
    name: 'REST',
    call: async (app, forwardedFor) => {
      const head = `GET /probe/echo HTTP/1.1\r\nhost: test\r\nx-forwarded-for: ${forwardedFor}\r\nx-real-ip: 192.0.2.66\r\n`;
      const { status } = await sendRaw(app.http.address, `${head}connection: close\r\n\r\n`);
      expect(status).toBe(200);
    },
  },
  ...Object.entries(Probes).map(([shape, { path }]) => ({
    name: `gRPC ${shape}`,
    call: async (app: TestApp, forwardedFor: string) => {
      const raw = new RawGrpcClient(app.grpc.address);
      const headers = { 'x-forwarded-for': forwardedFor, 'x-real-ip': '192.0.2.66' };
      expect(await raw.call(path, { headers, body })).toMatchObject({ grpcStatus: 0 });
      raw.close();
    },
  })),
];

async function start(TRUSTED_PROXIES: string) {
  const app = await TestApp.start({
    service: { module: ProbeModule, root: ROOT },
    config: { DATABASE_URL, TRUSTED_PROXIES },
  });
  const seen: (string | undefined)[] = [];
  app.get(CallObservers).add({ closed: ({ clientIp }) => void seen.push(clientIp) });
  const clientIpOf = async ({ call }: Caller, forwardedFor: string) => {
    seen.length = 0;
    await call(app, forwardedFor);
    await eventually('the call is closed', () => seen.length === 1);
    return seen[0];
  };
  return { app, clientIpOf };
}

// prettier-ignore
const HOPS: readonly (readonly [name: string, forwardedFor: string, clientIp: string])[] = [
  ['one hop', CLIENT, CLIENT],
  ['what the client has forged before it', `10.0.0.1, 203.0.113.9, ${CLIENT}`, CLIENT],
  ['a trusted proxy behind it', `203.0.113.9, ${CLIENT}, 10.1.2.3`, CLIENT],
  ['trusted proxies alone', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
  ['a port', `${CLIENT}:41234`, CLIENT],
  ['IPv6', '2001:DB8:0:0:0:0:0:7', '2001:db8::7'],
  ['IPv6 with a port', '[2001:db8::7]:41234', '2001:db8::7'],
  ['IPv4 mapped into IPv6', `::ffff:${CLIENT}`, CLIENT],
  ['IPv4 mapped into IPv6, in hexadecimal', '::ffff:c633:6407', CLIENT],
  ['a trusted proxy mapped into IPv6', `${CLIENT}, ::ffff:10.1.2.3`, CLIENT],
  ['a trusted proxy of an IPv6 block', `${CLIENT}, 2001:db8:ff::1`, CLIENT],
  ['no spaces', `203.0.113.9,${CLIENT}`, CLIENT],
  ['an empty value', '', PEER],
  ['an empty last hop', `${CLIENT},`, PEER],
  ['a word', 'unknown', PEER],
  ['an octal address', '0177.0.0.1', PEER],
  ['a hexadecimal address', '0x7f.1', PEER],
  ['a decimal address', '2130706433', PEER],
  ['an address with a zone', 'fe80::1%eth0', PEER],
  ['too many bytes', '1.2.3.4.5', PEER],
  ['a bracket that does not close', '[2001:db8::7', PEER],
  ['a script', '<script>alert(1)</script>', PEER],
  ['a malformed hop behind a trusted one', `${CLIENT}, bogus, 10.1.2.3`, '10.1.2.3'],
  ['more trusted hops than any chain has', `${CLIENT}, ${Array.from({ length: 20 }, (_, index) => `10.0.0.${index}`).join(', ')}`, '10.0.0.4'],
  ['thousands of hops', `${'203.0.113.9, '.repeat(700)}${CLIENT}`, CLIENT],
  ['thousands of commas', ','.repeat(8000), PEER],
];

describe.each(CALLERS)('$name', (caller) => {
  let trusting: Awaited<ReturnType<typeof start>>;
  let wary: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    trusting = await start('loopback, 10.0.0.0/8, 2001:db8:ff::/48');
    wary = await start('10.0.0.0/8');
  });
  afterAll(async () => {
    await trusting.app.stop();
    await wary.app.stop();
  });

  test.each(HOPS)('from a trusted proxy with %s', async (_name, forwardedFor, clientIp) => {
    expect(await trusting.clientIpOf(caller, forwardedFor)).toBe(clientIp);
  });

  test.each(HOPS)('from anybody else with %s is the peer', async (_name, forwardedFor) => {
    expect(await wary.clientIpOf(caller, forwardedFor)).toBe(PEER);
  });
});

test('a repeated header is one list', async () => {
  const { app, clientIpOf } = await start('loopback');
  expect(await clientIpOf(CALLERS[0] as Caller, `203.0.113.9\r\nx-forwarded-for: ${CLIENT}`)).toBe(CLIENT);
  await app.stop();
});

test.each([
  '0.0.0.0/0',
  '::/0',
  '10.0.0.0/33',
  '10.0.0/8',
  'example.org',
  'loopback, nobody',
  '10.0.0.0/8/8',
  'fe80::1%eth0',
])('TRUSTED_PROXIES=%s is refused at start', async (TRUSTED_PROXIES) => {
  await expect(start(TRUSTED_PROXIES)).rejects.toThrow(/TRUSTED_PROXIES .*must be addresses, CIDRs/);
});
