import 'reflect-metadata';
import { expect, test } from 'vitest';
import { serviceKeys } from '#chassis';
import { renderEnvExample, renderKeysDocument } from '#chassis/config';
import { service } from '../../src/app.module.js';

test('.env.example lists every key of the schema with its default (rewrite it by `npx vitest run -u`)', async () => {
  await expect(renderEnvExample(serviceKeys(service))).toMatchFileSnapshot('../../.env.example');
});

test('docs/configuration-keys.md has every key with type, default and meaning', async () => {
  await expect(renderKeysDocument(serviceKeys(service))).toMatchFileSnapshot(
    '../../docs/configuration-keys.md',
  );
});
