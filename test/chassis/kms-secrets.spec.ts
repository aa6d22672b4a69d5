import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openSecrets, type SecretSettings } from '../../src/chassis/secrets/index.js';
import { signRequest } from '../../src/chassis/secrets/aws-signature.js';
import { KmsServer } from '../support/kms-server.js';

describe('values encrypted by AWS KMS', () => {
  let kms: KmsServer;
  let settings: SecretSettings;
  let value: string;
  const open = (changes: Partial<SecretSettings> = {}, env = kms.env) =>
    openSecrets({ ...settings, ...changes }, env);
  const faultOf = async (key: string, text: string, changes?: Partial<SecretSettings>, env = kms.env) =>
    (await open(changes, env).decryptAll({ [key]: text })).faults[0]?.message;

  beforeAll(async () => {
    kms = await KmsServer.start();
    settings = {
      CONFIG_KEY_FILE: '',
      CONFIG_KMS_REGION: 'eu-central-1',
      CONFIG_KMS_KEY_ID: kms.keyId,
      CONFIG_KMS_ENDPOINT: kms.url,
      CONFIG_KMS_TIMEOUT_MS: 3000,
    };
    value = await open().encrypt('MANAGEMENT_TOKEN', 'hünter2', 'kms1');
  });
  beforeEach(() => {
    kms.faults.length = 0;
    kms.actions.length = 0;
  });
  afterAll(() => kms.stop());

  it('come back as they were; those that have not changed are asked for once', async () => {
    const secrets = open();
    for (let round = 0; round < 3; round++) {
      const { values, faults } = await secrets.decryptAll({ MANAGEMENT_TOKEN: value });
      expect({ values, faults }).toEqual({ values: { MANAGEMENT_TOKEN: 'hünter2' }, faults: [] });
    }
    expect(value).toMatch(/^enc:kms1:[\w+/]+=*$/);
    expect(kms.actions).toEqual(['Decrypt']);
  });

  it('do not decrypt under another key of the configuration', async () => {
    expect(await faultOf('SERVICE_COMMIT', value)).toMatch(
      /InvalidCiphertextException, status 400 \(1 of 4 attempts\)/,
    );
  });

  it.each([
    { status: 400, type: 'ThrottlingException' },
    { status: 500, type: 'KMSInternalException' },
    { status: 503, type: '' },
  ])('survive three answers of %o', async (fault) => {
    kms.faults.push(fault, fault, fault);

    expect(await faultOf('MANAGEMENT_TOKEN', value)).toBeUndefined();
    expect(kms.actions).toHaveLength(4);
  });

  it('are given up after four attempts', async () => {
    const fault = { status: 400, type: 'ThrottlingException' };
    kms.faults.push(fault, fault, fault, fault);

    expect(await faultOf('MANAGEMENT_TOKEN', value)).toMatch(
      /ThrottlingException, status 400 \(4 of 4 attempts\)/,
    );
  });

  it('wait no longer than the time limit for an answer, and ask again', async () => {
    kms.faults.push({ status: 500, type: 'Late', hangMs: 60_000 });

    expect(await faultOf('MANAGEMENT_TOKEN', value, { CONFIG_KMS_TIMEOUT_MS: 500 })).toBeUndefined();
    expect(kms.actions).toHaveLength(2);
  });

  it('tell of a key that is not there, of wrong credentials and of none', async () => {
    const encrypting = open({ CONFIG_KMS_KEY_ID: 'alias/other' }).encrypt('MANAGEMENT_TOKEN', 'x', 'kms1');
    await expect(encrypting).rejects.toThrow(/NotFoundException/);
    const forged = { ...kms.env, AWS_SECRET_ACCESS_KEY: 'wrong' };
    expect(await faultOf('MANAGEMENT_TOKEN', value, {}, forged)).toMatch(/InvalidSignatureException/);
    expect(await faultOf('MANAGEMENT_TOKEN', value, {}, {})).toMatch(/set AWS_ACCESS_KEY_ID and/);
  });

  it('tell of a text that is too long for KMS', async () => {
    const encrypting = open().encrypt('MANAGEMENT_TOKEN', 'ä'.repeat(2049), 'kms1');
    await expect(encrypting).rejects.toThrow(/more than 4096 bytes/);
  });

  it('decrypt with the credentials that a container is given', async () => {
    const { id, secret, token } = kms.credentials;
    const given: Server = createServer((request, response) => {
      const isKnown = request.headers.authorization === 'pod-token';
      response.statusCode = isKnown ? 200 : 403;
      response.end(JSON.stringify({ AccessKeyId: id, SecretAccessKey: secret, Token: token }));
    });
    await new Promise<void>((resolve) => given.listen(0, '127.0.0.1', resolve));
    const at = `http://127.0.0.1:${(given.address() as AddressInfo).port}/v1/credentials`;
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: at, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'pod-token' };
    try {
      expect(await faultOf('MANAGEMENT_TOKEN', value, {}, env)).toBeUndefined();
      const stranger = { ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'no' };
      expect(await faultOf('MANAGEMENT_TOKEN', value, {}, stranger)).toMatch(/gave none: status 403/);
      const mistaken = { ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/no/such/token' };
      expect(await faultOf('MANAGEMENT_TOKEN', value, {}, mistaken)).toMatch(
        /AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read \(ENOENT\): correct \/no\/such\/token$/,
      );
    } finally {
      given.close();
    }
  });
});

it("signs as AWS's published example says", () => {
  const { authorization } = signRequest(
    { path: '/', headers: { host: 'example.amazonaws.com' }, body: '' },
    { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
    { region: 'us-east-1', service: 'service', time: new Date('2015-08-30T12:36:00Z') },
  );
  // The test suite of Signature Version 4, post-vanilla.
  expect(authorization).toMatch(
    /Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b$/,
  );
});
