import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestAuthority } from '../support/certificates.js';
import { eventually } from '../support/index.js';
import { startProcess } from '../support/service-process.js';
import { TlsFiles } from '../support/tls-files.js';
import { TlsTestClient } from '../support/tls-test-client.js';

const PROGRAM = join(import.meta.dirname, 'fixtures/echo-service.ts');

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

test('a start whose certificate has expired ends with one line that says so', async () => {
  const { cert, key } = await authority.issue({ name: 'old', to: new Date(Date.now() - 60_000) });
  const env = { TLS_CERT_FILE: files.replace('old.crt', cert), TLS_KEY_FILE: files.replace('old.key', key) };
  await using service = await startProcess({ program: PROGRAM, env });
  expect(await service.exit).toBe(1);
  expect(service.stderr).toBe('');
  expect(service.lines).toMatchObject([
    { level: 'fatal', msg: expect.stringMatching(/old\.crt\) has expired on/) },
  ]);
});

test('the compiled service speaks both HTTP over TLS, writes no warning, changes its certificate and ends', async () => {
  await using service = await startProcess({ program: PROGRAM, env: files.config });
  await service.ready();
  const clients = (['h1', 'h2'] as const).map(
    (version) => new TlsTestClient(service.address('http'), { ca: authority.certificate, version }),
  );
  for (const client of clients) {
    expect((await client.get('/echo/word')).body).toEqual({ word: 'word' });
    expect(
      (await client.post('/echo/word', { text: 'x'.repeat(5 * 1024 * 1024) })).status,
    ).toBeGreaterThanOrEqual(400);
  }
  files.write(await authority.issue({ name: 'second' }));
  await eventually('it is told', () => service.lines.some(({ subject }) => subject === 'CN=second'));
  for (const client of clients) expect((await client.get('/echo/word')).status).toBe(200);
  for (const client of clients) client.close();
  expect(await service.stop()).toBe(0);
  expect(service.stderr).toBe('');
});
