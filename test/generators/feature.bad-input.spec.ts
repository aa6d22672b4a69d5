import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseOptions } from '../../schematics/cli/options.ts';
import { Schematics } from '../../schematics/cli/schematics.ts';
import { eventually } from '../support/index.js';
import { ProjectCopy } from '../support/project-copy.js';

let project: ProjectCopy;
let schematics: Schematics;
let before: Record<string, string>;
beforeAll(() => {
  project = new ProjectCopy('bad-input');
  // Things that a feature may run into: another feature's contract, table and reason.
  project.write('contracts/openapi.json', JSON.stringify(OPENAPI));
  mkdirSync(join(project.root, 'src/features/taken'));
  project.write('src/features/taken/taken.migrations.ts', 'sql`create table ledgers (\n id uuid)`');
  project.write('src/features/taken/0002.migrations.ts', 'sql`create table "journals" (\n id uuid)`');
  project.write('src/features/taken/errors.md', '| `VOUCHER_NOT_FOUND` | `NOT_FOUND` | 404 | never |\n');
  mkdirSync(join(project.root, 'proto/taken_too/v1'), { recursive: true });
  project.write('proto/taken_too/v1/taken_too.proto', 'syntax = "proto3";\n');
  schematics = new Schematics(project.root);
  before = project.files();
});
afterAll(() => project[Symbol.dispose]());
afterEach(() => expect(project.files()).toEqual(before));

const OPENAPI = {
  paths: {
    '/v1/refunds/{id}': { get: { operationId: 'refundById' } },
    '/v2/y': { get: { operationId: 'getBadge' } },
  },
  components: { schemas: { Coupon: {}, CreateTicket: {} } },
};

/** In this process: fast enough for a long list. The command line's own tests start it. */
function generate(parameters: readonly string[]) {
  const feature = schematics.get('feature');
  const { options } = parseOptions(feature, ['feature', ...parameters]);
  return schematics.run(feature, options);
}

test.each([
  ['', /not valid.*ASCII/],
  ['2invoices', /not valid/],
  ['rechnungs-pösten', /not valid/],
  ['請求書', /not valid/],
  ['../escape', /not valid/],
  ['/tmp/escape', /not valid/],
  ['a/b', /not valid/],
  ['a\\b', /not valid/],
  ['invoices.v1', /not valid/],
  ['x; touch pwned', /not valid/],
  ['$(touch pwned)', /not valid/],
  ['invoice--item', /not valid/],
  ['-invoice-', /not valid|Unknown option/],
  ['invoice 2', /not valid/],
  ['x'.repeat(41), /longer than 40/],
  ['classes', /"class" is a reserved word; choose another name, such as class-records/],
  ['Dates', /"date" is a reserved word/],
  ['queries', /"query" is a reserved word/],
  ['message', /"message" is a reserved word/],
  ['http-codes', /"http-code" is a reserved word/],
  ['constructor', /"constructor" is a reserved word/],
  // Fine in English, and no names for a parameter, a message beside generated code or a property.
  ['arguments', /"arguments" is a reserved word/],
  ['math', /"math" is a reserved word/],
  ['Infinity', /"Infinity" is a reserved word/],
  ['then', /"then" is a reserved word/],
  ['binary-readers', /"binary-reader" is a reserved word/],
  ['Uint8Array', /"Uint8Array" is a reserved word/],
])('the name %j is refused', async (name, says) => {
  await expect(async () => generate(name.startsWith('-') ? [name] : ['--', name])).rejects.toThrow(says);
});

test.each([
  [['health'], /"health" is a capability of the chassis/],
  [['taken'], /src\/features\/taken is there already/],
  [['taken-too'], /proto\/taken_too is there already/],
  [['refunds'], /route \/v1\/refunds\/\{id\} is served already/],
  [['coupons'], /schema "Coupon" is in use already/],
  [['tickets'], /schema "CreateTicket" is in use already/],
  [['badges'], /operation "getBadge" is in use already/],
  [['ledger'], /table ledgers is made already in src\/features\/taken/],
  [['journal'], /table journals is made already in src\/features\/taken/],
  [['vouchers'], /reason `VOUCHER_NOT_FOUND` is in use already/],
  [['routes'], /reason `ROUTE_NOT_FOUND` is in use already \(docs\/errors\.md\)/],
  [['invoices', '--singular', 'a b/c'], /--singular "a b\/c" is not valid/],
  [['invoices', '--plural', 'health'], /capability/],
  [['invoices', '--no-rest', '--no-grpc'], /nothing to serve.*--rest or --grpc/],
])('%j is refused', async (parameters, says) => {
  await expect(generate(parameters)).rejects.toThrow(says);
});

test.each([
  [['badges', '--grpc'], 'REST contract'],
  [['ledgers', '--no-database'], 'table'],
])('%j does not run into a %s that it has no part in', async (parameters) => {
  const feature = schematics.get('feature');
  const { options } = parseOptions(feature, ['feature', ...parameters]);
  const changes = await schematics.run(feature, options, { isDryRun: true });
  expect(changes.length).toBeGreaterThan(10);
});

test('a folder that cannot be made half-way leaves nothing', async () => {
  writeFileSync(join(project.root, 'proto/invoices'), 'a file where the folder would go');
  try {
    before = project.files();
    const { code, stderr } = await project.generate(['feature', 'invoices']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/proto\/invoices/);
    expect(project.files()).toEqual(before);
  } finally {
    rmSync(join(project.root, 'proto/invoices'));
    before = project.files();
  }
});

test('a contract that cannot be made leaves nothing and says why', async () => {
  const manifest = project.read('package.json');
  project.write(
    'package.json',
    manifest.replace(/"contract": ".*"/, '"contract": "echo buf: not found >&2; false"'),
  );
  before = project.files();
  const { code, stderr } = await project.generate(['feature', 'invoices']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/"npm run contract" failed; everything is as it was:\nbuf: not found/);
  expect(project.files()).toEqual(before);
  project.write('package.json', manifest);
  before = project.files();
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s half-way leaves nothing', async (signal) => {
  const manifest = project.read('package.json');
  project.write(
    'package.json',
    manifest.replace(/"contract": ".*"/, '"contract": "touch contracts/half && sleep 60"'),
  );
  before = project.files();
  const program = join(project.root, 'schematics/bin/nest.ts');
  const child = spawn(process.execPath, [program, 'generate', 'feature', 'invoices'], {
    cwd: project.root,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await eventually('the contract is half made', () => project.has('contracts/half'), 60_000);
  child.kill(signal);
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect(stderr).toMatch(/interrupted; everything is as it was/);
  expect(project.files()).toEqual(before);
  project.write('package.json', manifest);
  before = project.files();
});

test('a dry run tells every file and writes none', async () => {
  const { code, stdout } = await project.generate(
    ['feature', 'InvoiceItem', '--crud', '--dry-run'],
    'src/features',
  );
  expect(code).toBe(0);
  expect(stdout).toContain('CREATE src/features/invoice-items/invoice-items.http.controller.ts\n');
  expect(stdout).toContain('CREATE proto/invoice_items/v1/invoice_items.proto\n');
  expect(stdout).toContain('UPDATE src/app.module.ts\n');
  expect(stdout).toMatch(/Dry run: nothing was written/);
});
