import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAuthority } from '../support/certificates.js';
import { TestApp } from '../support/index.js';
import { TlsFiles } from '../support/tls-files.js';

let authority: TestAuthority;
let files: TlsFiles;
let app: TestApp;
beforeAll(async () => {
  authority = await TestAuthority.create();
  files = TlsFiles.with(await authority.issue({ name: 'service' }));
  app = await TestApp.start({ config: files.config });
});
afterAll(async () => {
  await app.stop();
  files.remove();
  authority.remove();
});

/** The attributes of every element of that name in sslscan's XML. */
function elements(xml: string, name: string): Record<string, string>[] {
  return [...xml.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, 'g'))].map(([, attributes = '']) =>
    Object.fromEntries([...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
  );
}

describe.each(['http', 'grpc'] as const)('sslscan of the %s port', (port) => {
  let xml: string;
  beforeAll(async () => {
    ({ stdout: xml } = await promisify(execFile)(
      'sslscan',
      ['--xml=-', '--no-colour', '--sni-name=localhost', app[port].address],
      { maxBuffer: 16 * 1024 * 1024, timeout: 110_000 },
    ));
  }, 120_000);

  test('finds no protocol older than TLS 1.2', () => {
    const enabled = elements(xml, 'protocol').filter(({ enabled }) => enabled === '1');
    expect(enabled.map(({ type, version }) => `${type} ${version}`)).toEqual(['tls 1.2', 'tls 1.3']);
    expect(elements(xml, 'protocol').map(({ version }) => version)).toContain('1.0');
  });

  test('finds only ciphers with forward secrecy and AEAD', () => {
    const ciphers = elements(xml, 'cipher');
    expect(ciphers.length).toBeGreaterThan(3);
    const weak = ciphers.filter(
      ({ cipher = '', strength }) =>
        !/^(TLS_(AES|CHACHA20)|ECDHE-.*(GCM|POLY1305))/.test(cipher) ||
        !['strong', 'acceptable'].includes(strength ?? ''),
    );
    expect(weak).toEqual([]);
  });

  test('finds no renegotiation, compression or Heartbleed', () => {
    expect(elements(xml, 'renegotiation')).toMatchObject([{ supported: '0' }]);
    // Debian's sslscan tells of compression only where it finds some.
    expect(elements(xml, 'compression').filter(({ supported }) => supported !== '0')).toEqual([]);
    expect(elements(xml, 'heartbleed').every(({ vulnerable }) => vulnerable === '0')).toBe(true);
  });
});
