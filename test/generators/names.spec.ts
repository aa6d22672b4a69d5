import { PGlite } from '@electric-sql/pglite';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readProto } from '../../schematics/client/read-proto.ts';
import { parseOptions } from '../../schematics/cli/options.ts';
import { Schematics } from '../../schematics/cli/schematics.ts';
import { ProjectCopy } from '../support/project-copy.js';

let project: ProjectCopy;
beforeAll(() => {
  project = new ProjectCopy('names');
});
afterAll(() => project[Symbol.dispose]());

async function generate(parameters: readonly string[], kind = 'feature'): Promise<void> {
  const schematics = new Schematics(project.root);
  const schematic = schematics.get(kind);
  await schematics.run(schematic, parseOptions(schematic, [kind, ...parameters]).options);
}

/** The methods of a service in the generated code. */
function rpcsIn(generated: string): string[] {
  return [...generated.matchAll(/^ {2}(\w+): \{\n {4}path:/gm)].map(([, name]) => name as string);
}

/** What one file says twice, or uses before it is there; other files are not looked at. */
function clashesIn(file: string): string[] {
  const clashes = new Set([2300, 2448, 2451]);
  const program = ts.createProgram([join(project.root, file)], { noResolve: true, noLib: true, types: [] });
  return program
    .getSemanticDiagnostics()
    .filter(({ code }) => clashes.has(code))
    .map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, '')}`);
}

const FOREIGN = `syntax = "proto3";
package foreign.v1;
message M {}
service Foreign {
  rpc GetURL(M) returns (M);
  rpc IPLookup(M) returns (M);
  rpc get_balance(M) returns (M);
  rpc ListS3Buckets(M) returns (M);
}
`;

test('rpcs are called as in the generated code, whatever acronyms and digits are in their names', async () => {
  await generate(['b2c-orders', '--grpc', '--crud']);
  project.write('proto/foreign.proto', FOREIGN);
  await project.tool('buf', ['generate', '--path', 'proto/foreign.proto', '--path', 'proto/b2c_orders']);
  const { services } = await readProto(FOREIGN, join(project.root, 'proto/foreign.proto'));
  expect(services[0]?.rpcs.map(({ name }) => name)).toEqual(rpcsIn(project.read('src/generated/foreign.ts')));
  const there = rpcsIn(project.read('src/generated/b2c_orders/v1/b2c_orders.ts')).toSorted();
  expect(there).toContain('createB2COrder');
  for (const file of [
    'src/features/b2c-orders/b2c-orders.grpc.controller.ts',
    'test/features/b2c-orders.grpc.spec.ts',
  ]) {
    const used = [...project.read(file).matchAll(/Rpcs\.(\w+)/g)].map(([, name]) => name as string);
    expect([...new Set(used)].toSorted()).toEqual(there);
  }
});

test.each(['post', 'put', 'app', 'name', 'id', 'mismatch', 's'])(
  'a record may be called %s, as what the code around it uses',
  async (record) => {
    const before = project.files();
    await generate([record, '--crud']);
    const files = Object.keys(project.files()).filter((file) => file.endsWith('.ts') && !(file in before));
    expect(files.length).toBeGreaterThan(10);
    expect(files.flatMap(clashesIn)).toEqual([]);
  },
);

test('a client has no method that has a meaning for Nest, or for every object', async () => {
  const rpcs = ['Constructor', 'Then', 'ToString', 'HasOwnProperty', 'OnModuleInit', 'Thence'];
  const methods = rpcs.map((name) => `  rpc ${name}(M) returns (M);`).join('\n');
  project.write(
    'odd.proto',
    `syntax = "proto3";\npackage odd.v1;\nmessage M {}\nservice Odd {\n${methods}\n}\n`,
  );
  const paths = Object.fromEntries(
    rpcs.map((name) => [
      `/v1/${name}`,
      { get: { operationId: name, responses: { '204': { description: '' } } } },
    ]),
  );
  project.write(
    'odd.json',
    JSON.stringify({ openapi: '3.1.0', info: { title: 'odd', version: '1' }, paths }),
  );
  await generate(['hosts', '--rest']);
  const made = [
    'callConstructor',
    'callThen',
    'callToString',
    'callHasOwnProperty',
    'callOnModuleInit',
    'thence',
  ];
  for (const [name, contract] of [
    ['odd-rpc', 'odd.proto'],
    ['odd-rest', 'odd.json'],
  ] as const) {
    const from = join(project.root, contract);
    await generate([name, '--from', from, '--feature', 'hosts'], 'client');
    const client = project.read(`src/features/hosts/${name}.client.ts`);
    expect([...client.matchAll(/^ {2}(\w+)\(\s*(?:request|input)\b/gm)].map(([, method]) => method)).toEqual(
      made,
    );
  }
  expect(project.read('src/features/hosts/odd-rpc.client.ts')).toContain('Rpcs.constructor, request');
});

test('paths of another service may have quotes, and begin with a HEAD', async () => {
  const responses = { '200': { description: '' } };
  const paths = {
    "/files('{id}')": { head: { operationId: 'probe', responses } },
    "/users('{id}')": { get: { operationId: 'getUser', responses } },
  };
  project.write(
    'quotes.json',
    JSON.stringify({ openapi: '3.1.0', info: { title: 'x', version: '1' }, paths }),
  );
  const from = join(project.root, 'quotes.json');
  await generate(['guests', '--rest']);
  await generate(['quotes', '--from', from, '--feature', 'guests'], 'client');
  const client = project.read('src/features/guests/quotes.client.ts');
  expect(client).toContain(`method: 'HEAD', path: "/files('{id}')"`);
  const spec = project.read('src/features/guests/quotes.client.spec.ts');
  expect(spec).toContain(`url: "/base/users('a%20sample')"`);
  expect(spec).toContain("method: 'GET'");
});

test('a reason goes into the table of errors.md, whatever else the file says', async () => {
  await generate(['notes', '--rest']);
  const file = 'src/features/notes/errors.md';
  project.write(file, `${project.read(file)}\nMore is in the wiki.\n`);
  await generate(['zebra', '--feature', 'notes'], 'guard');
  expect(project.read(file)).toMatch(
    /\n\| `NOTE_NOT_FOUND`.*\n\| `ZEBRA_REFUSED`.*\n\nMore is in the wiki\.\n$/,
  );
  project.write(file, '# Errors of notes\n\nNone yet.\n');
  await generate(['aardvark', '--feature', 'notes'], 'guard');
  expect(project.read(file)).toMatch(/None yet\.\n\n\| Reason .*\n\| -.*\n\| `AARDVARK_REFUSED`.*\n$/);
});

test('a table may have the name of a word that SQL reserves', async () => {
  await generate(['references', '--crud']);
  const migration = project.read('src/features/references/references.migrations.ts');
  const statements = [...migration.matchAll(/sql`([^`]+)`/g)].map(([, text]) => text as string);
  await using database = new PGlite();
  await database.exec(statements.join(';'));
  expect((await database.query('select * from "references"')).rows).toEqual([]);
  expect(statements).toHaveLength(2);
});
