import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startProcess } from '../support/service-process.js';

const program = join(import.meta.dirname, 'fixtures/here-service.ts');
const OPEN = 'no authentication is configured: everybody may call everything; see AUTH_* in .env.example';

test.each([
  ['development', 'info'],
  ['staging', 'warn'],
  ['production', 'warn'],
])('an open service in %s says so once, at level %s', async (APP_ENV, level) => {
  await using service = await startProcess({ program, env: { APP_ENV, SHUTDOWN_PROPAGATION_MS: '0' } });
  await service.ready();
  expect(await service.line(OPEN)).toMatchObject({ level });
  expect(await service.stop()).toBe(0);
  expect(service.lines.filter(({ msg }) => msg === OPEN)).toHaveLength(1);
});

test('one that knows its callers says nothing; a variable that is nearly a key is told, others are not', async () => {
  const env = {
    AUTH_MTLS: 'uri',
    AUTH_JWKS_URI: 'https://issuer.test/jwks.json',
    RATE_LIMIT_HEADER: 'always',
    HTTP_PROXY: 'x',
  };
  await using service = await startProcess({ program, env });
  await service.ready();
  expect(
    await service.line(
      'AUTH_JWKS_URI (from environment) is no key of this service and does nothing: is AUTH_JWKS_URL meant?',
    ),
  ).toMatchObject({ level: 'warn' });
  expect(await service.stop()).toBe(0);
  expect(service.lines.filter(({ msg }) => String(msg).includes('is no key'))).toHaveLength(2);
  expect(service.lines.filter(({ msg }) => msg === OPEN)).toEqual([]);
});
