import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseOptions } from '../../schematics/cli/options.ts';
import { Schematics } from '../../schematics/cli/schematics.ts';
import { ProjectCopy } from '../support/project-copy.js';

const MODULE =
  "import { Module } from '@nestjs/common';\n\n@Module({ providers: [] })\nexport class FreshModule {}\n";
const OPENAPI = { openapi: '3.1.0', paths: { '/a': { get: { operationId: 'getA', responses: {} } } } };

let project: ProjectCopy;
let contract: string;
let proto: string;
beforeAll(() => {
  project = new ProjectCopy('taken-names');
  for (const feature of ['fresh', 'other']) mkdirSync(join(project.root, 'src/features', feature));
  project.write('src/features/fresh/fresh.module.ts', MODULE);
  for (const kind of ['client', 'guard', 'job', 'health', 'middleware'])
    project.write(`src/features/other/bank.${kind}.ts`, 'export {};\n');
  project.write(
    'src/features/other/keys.ts',
    'export const keys = {\n  VAULT_TLS: 1,\n  GATE_HEALTH_URL: 2,\n};\n',
  );
  contract = join(project.root, 'x.json');
  proto = join(project.root, 'x.proto');
  project.write('x.json', JSON.stringify(OPENAPI));
  project.write(
    'x.proto',
    'syntax = "proto3";\npackage x.v1;\nmessage M {}\nservice X { rpc A(M) returns (M); }\n',
  );
});
afterAll(() => project[Symbol.dispose]());

function generate(name: string, parameters: readonly string[]) {
  const schematics = new Schematics(project.root);
  const schematic = schematics.get(name);
  const { options } = parseOptions(schematic, [name, ...parameters, '--feature', 'fresh']);
  return schematics.run(schematic, options, { isDryRun: true });
}

test.each([
  ['client', () => ['bank', '--from', contract], /other\/bank\.client\.ts is there already/],
  [
    'client',
    () => ['redis', '--from', contract],
    /key REDIS_URL is declared already in src\/chassis\/config/,
  ],
  ['client', () => ['vault', '--from', proto], /key VAULT_TLS is declared already in src\/features\/other/],
  ['guard', () => ['bank'], /other\/bank\.guard\.ts is there already/],
  ['guard', () => ['config'], /reason CONFIG_REFUSED is in use already \(docs\/errors\.md\)/],
  ['job', () => ['bank'], /other\/bank\.job\.ts is there already/],
  ['health-indicator', () => ['bank'], /other\/bank\.health\.ts is there already/],
  ['health-indicator', () => ['gate'], /key GATE_HEALTH_URL is declared already/],
  ['middleware', () => ['bank'], /other\/bank\.middleware\.ts is there already/],
  ['middleware', () => ['call'], /would be called CallMiddleware, which it imports/],
])('a %s of a name that the service has elsewhere is refused', async (name, parameters, says) => {
  await expect(generate(name, parameters())).rejects.toThrow(says);
});

test('a key that the client would not have is nobody else’s business', async () => {
  expect(await generate('client', ['vault', '--from', contract])).not.toEqual([]);
});
