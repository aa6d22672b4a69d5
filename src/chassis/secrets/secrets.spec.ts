import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { generateKeyLine } from './key-file.js';
import { KeyFileProvider } from './key-file.provider.js';
import { Secrets } from './secrets.js';

const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
const file = join(directory, 'config.keys');
const old = generateKeyLine('old');

function writeKeys(...lines: string[]): void {
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
}

describe('values encrypted with a key file', () => {
  const secrets = new Secrets([new KeyFileProvider(file)]);
  const faultOf = async (key: string, value: string): Promise<string | undefined> =>
    (await new Secrets([new KeyFileProvider(file)]).decryptAll({ [key]: value })).faults[0]?.message;

  beforeEach(() => writeKeys('# keys of the tests', '', old));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('come back as they were, each time in another form', async () => {
    const plain = 'postgres://me:pä$$ word@host/db';
    const [one, two] = [
      await secrets.encrypt('DATABASE_URL', plain, 'v1'),
      await secrets.encrypt('DATABASE_URL', plain, 'v1'),
    ];

    expect(one).toMatch(/^enc:v1:old:[\w-]+$/);
    expect(one).not.toBe(two);
    expect(await secrets.decryptAll({ DATABASE_URL: one, HOST: 'h' })).toEqual({
      values: { DATABASE_URL: plain, HOST: 'h' },
      encrypted: new Set(['DATABASE_URL']),
      faults: [],
    });
  });

  it('do not decrypt under another key of the configuration', async () => {
    const value = await secrets.encrypt('MANAGEMENT_TOKEN', 'hunter2', 'v1');

    expect(await faultOf('SERVICE_COMMIT', value)).toMatch(/^was changed, or encrypted for another key than/);
  });

  it('do not decrypt once any of their bytes has changed', async () => {
    const value = await secrets.encrypt('MANAGEMENT_TOKEN', 'hunter2', 'v1');
    const head = 'enc:v1:old:';
    const bytes = Buffer.from(value.slice(head.length), 'base64url');
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const fault = await faultOf('MANAGEMENT_TOKEN', head + changed.toString('base64url'));
      expect(fault, `byte ${index}`).toMatch(/^was changed/);
    }
  });

  it('go on with an old key while a new one encrypts', async () => {
    const value = await secrets.encrypt('MANAGEMENT_TOKEN', 'hunter2', 'v1');
    writeKeys(generateKeyLine('new'), old);

    expect(await faultOf('MANAGEMENT_TOKEN', value)).toBeUndefined();
    expect(await secrets.encrypt('MANAGEMENT_TOKEN', 'hunter2', 'v1')).toMatch(/^enc:v1:new:/);
    writeKeys(generateKeyLine('new'));
    expect(await faultOf('MANAGEMENT_TOKEN', value)).toMatch(/^was encrypted with the key old, which/);
  });

  it.each([
    ['enc:', /^begins with "enc:" and is no encrypted value/],
    ['enc:v1:old', /^must be enc:v1:<key id>:<base64url>; it is damaged/],
    ['enc:v1:old:AAAA', /^is too short/],
    ['enc:v9:x', /^is encrypted by "v9", which is not set up/],
    ['enc:kms1:x', /^is encrypted by "kms1", which is not set up. Set CONFIG_KMS_REGION/],
  ])('tell what is wrong with %s', async (value, message) => {
    expect(await faultOf('MANAGEMENT_TOKEN', value)).toMatch(message);
  });

  it.each([
    ['no line', '# nothing', /has no key/],
    ['a short key', 'id AAAA', /line 1, must be an id and a key/],
    ['an id twice', `${old}\n${old}`, /line 2: the id old is there twice/],
  ])('tell of a key file with %s, showing no key', async (_what, text, message) => {
    writeFileSync(file, text);
    const fault = await faultOf(
      'MANAGEMENT_TOKEN',
      'enc:v1:old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    );

    expect(fault).toMatch(message);
    expect(fault).not.toContain(old.split(' ')[1]);
  });

  it.each([0o644, 0o660, 0o604, 0o601])('refuse a key file of mode %o', async (mode) => {
    const value = await secrets.encrypt('MANAGEMENT_TOKEN', 'hunter2', 'v1');
    chmodSync(file, mode);

    expect(await faultOf('MANAGEMENT_TOKEN', value)).toMatch(/others may use the keys. Run "chmod 600/);
  });

  it('take a key file that its group reads, as in a volume of Kubernetes', async () => {
    const value = await secrets.encrypt('MANAGEMENT_TOKEN', 'hunter2', 'v1');
    chmodSync(file, 0o440);

    expect(await faultOf('MANAGEMENT_TOKEN', value)).toBeUndefined();
  });

  it('are not asked for again while they are the same', async () => {
    const value = await secrets.encrypt('MANAGEMENT_TOKEN', 'hunter2', 'v1');
    await secrets.decryptAll({ MANAGEMENT_TOKEN: value });
    rmSync(file);

    expect((await secrets.decryptAll({ MANAGEMENT_TOKEN: value })).faults).toEqual([]);
    expect(await faultOf('MANAGEMENT_TOKEN', value)).toMatch(/cannot be read \(ENOENT\)/);
  });
});
