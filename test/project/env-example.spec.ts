import 'reflect-metadata';
import { expect, test } from 'vitest';
import { serviceKeys } from '#chassis';
import { renderEnvExample } from '#chassis/config';
import { service } from '../../src/app.module.js';

test('.env.example lists every key of the schema with its default (rewrite it by `npx vitest run -u`)', async () => {
  await expect(renderEnvExample(serviceKeys(service))).toMatchFileSnapshot('../../.env.example');
});
