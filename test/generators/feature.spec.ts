import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { MethodDefinition } from '@grpc/grpc-js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { createDatabase } from '../support/postgres.js';
import { Scrape } from '../support/scrape.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';
import { TemplateProject } from '../template/template-project.js';
import { generateAll, type Command } from './generate-all.js';
import { addLedger, LEDGER_FOLDER } from './ledger.js';

const IS_SOAK = Boolean(process.env['SOAK']);
const LIMIT_MS = 900_000;

/** gRPC alone, and both; names of every case; from any folder. */
const FEATURES = [
  {
    name: 'stock-items',
    parameters: ['StockItem', '--grpc', '--crud'],
    from: 'src/features',
  },
  {
    name: 'payments',
    parameters: ['payment', '--crud'],
    from: 'test/chassis',
  },
];
/** Further combinations of the flags, and names that are spelt in other ways. */
const FURTHER = [
  {
    name: 'invoices',
    parameters: ['invoices', '--rest', '--crud'],
    from: '.',
  },
  {
    name: 'boxes',
    parameters: ['box', '--crud', '--no-database'],
    from: '.',
  },
  {
    name: 'children',
    parameters: ['CHILD', '--grpc', '--no-database'],
    from: '.',
  },
  {
    name: 'http-clients',
    parameters: ['HTTPClient', '--rest', '--no-database'],
    from: '.',
  },
  {
    name: 'user-news',
    parameters: ['user_news', '--no-rest', '--crud'],
    from: '.',
  },
  {
    name: 'equipment',
    parameters: ['equipment'],
    from: '.',
  },
  {
    name: 'lots',
    parameters: ['lot', '--singular', 'batch', '--rest'],
    from: '.',
  },
];
const features = IS_SOAK ? [...FEATURES, ...FURTHER] : FEATURES;

const LEDGER = ['--feature', 'ledger'];
/** Parts of a feature and of the whole service; from any folder, names of every case. */
const PARTS: readonly Command[] = [
  { parameters: ['guard', 'suspendedAccounts', ...LEDGER] },
  { parameters: ['guard', 'maintenance', '--global'] },
  { parameters: ['middleware', 'CallNotesMiddleware'], folder: LEDGER_FOLDER },
  { parameters: ['middleware', 'every-call', '--global'], folder: 'src/features' },
  { parameters: ['health-indicator', 'mail_gate', '--critical'], folder: LEDGER_FOLDER },
  { parameters: ['job', 'sweep ledger', '--every-ms', '500', ...LEDGER], folder: 'docs' },
  { parameters: ['client', 'LedgerMirror', '--from', '../../../mirror.openapi.json'], folder: LEDGER_FOLDER },
  { parameters: ['client', 'bank', '--from', 'bank.proto', ...LEDGER] },
];

let project: TemplateProject;
/** The tree before each feature, then after the last one. */
const trees: Record<string, string>[] = [];
beforeAll(async () => {
  project = new TemplateProject();
  await project.haveBuilt();
});
afterAll(() => project[Symbol.dispose]());

describe('what is generated', { timeout: LIMIT_MS }, () => {
  test('features are written with all that belongs to them', async () => {
    for (const { name, parameters, from } of features) {
      trees.push(project.files());
      const { code, stdout, stderr } = await project.generate(['feature', ...parameters], from);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).toContain(`CREATE src/features/${name}/${name}.module.ts\n`);
      expect(stdout).toContain(`CREATE grafana/features/${name}.row.ts\n`);
    }
    trees.push(project.files());
    const openapi = project.read('contracts/openapi.json');
    expect(openapi).toContain('"operationId": "updatePayment"');
    expect(openapi).not.toContain('StockItem');
    project.commit('feat: generated features');
    if (IS_SOAK) await project.script('check');
  });

  test('parts are written into a feature that was not generated, or for the whole service', async () => {
    addLedger(project);
    // Contracts are made once, when all is there.
    const packageJson = project.read('package.json');
    project.write('package.json', packageJson.replace(/"contract": "[^"]*"/, '"contract": "node --version"'));
    const results = await generateAll(project, PARTS);
    expect(results).toEqual(PARTS.map(() => ({ code: 0, stderr: '' })));
    project.write('package.json', packageJson);
    await project.script('contract');
    expect(JSON.parse(project.read(`${LEDGER_FOLDER}/feature.json`))).toEqual({
      paths: ['proto/bank/v1/bank.proto', 'src/generated/bank/v1/bank.ts'],
    });
    expect(project.read(`${LEDGER_FOLDER}/errors.md`)).toMatch(
      /\| `SUSPENDED_ACCOUNTS_REFUSED` +\| `PERMISSION_DENIED` +\| 403/,
    );
    expect((await project.generate(['job', 'sweepLedger', ...LEDGER])).stderr).toMatch(
      /sweep-ledger\.job\.ts is there already/,
    );
  });

  test('all of it is formatted, linted, typed, without dead code and within the import rules', async () => {
    await project.tool('prettier', [
      '--check',
      'src/features',
      'src/app.module.ts',
      'test/features',
      'grafana/features',
      'package.json',
      'buf.yaml',
    ]);
    await project.script('check:types');
    await project.tool('oxlint', ['src/features', 'src/app.module.ts', 'test/features']);
    await project.script('check:imports');
    await project.script('check:proto');
    await project.script('check:drift');
    const { stdout } = await project.run('knip', [
      '--no-config-hints',
      '--include',
      'files,exports,types,unlisted',
    ]);
    expect(stdout).not.toMatch(/src\/features|test\/features|grafana\/features/);
  });

  test('it passes its tests, and works for real', async () => {
    const names = [...features.map(({ name }) => name), 'ledger', 'maintenance', 'every-call'];
    const files = names.flatMap((name) => [`src/features/${name}/`, `test/features/${name}.`]);
    // The black-box tests run on both databases; here on the one that is there already.
    const filter = IS_SOAK ? [] : ['-t', '^(?!.* on embedded)'];
    await project.tool('vitest', ['run', ...filter, ...files, 'test/project/error-reasons'], {
      TEST_DATABASE_URL: inject('postgresUrl'),
      SOAK: '',
    });
  });

  describe('started as a service', () => {
    let collector: OtlpReceiver;
    let service: ServiceProcess & AsyncDisposable;
    beforeAll(async () => {
      collector = await OtlpReceiver.start();
      service = await startProcess({
        root: project.root,
        env: {
          DATABASE_URL: await createDatabase(inject('postgresUrl')),
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl,
          OTEL_BSP_SCHEDULE_DELAY: '100',
        },
      });
      await service.ready();
    });
    afterAll(async () => {
      await service?.stop();
      await collector?.stop();
    });

    test.each([['payments', 'PaymentsService'], ...(IS_SOAK ? [['invoices', 'InvoicesService']] : [])])(
      '%s answer over REST, with span and metric',
      async (name, provider) => {
        const { status, body } = await service.http.post(`/v1/${name}`, { name: 'first' });
        expect(status).toBe(201);
        expect((await service.http.get(`/v1/${name}?name=first`)).body[name]).toEqual([body]);
        const route = `/v1/${name}`;
        const [span] = await collector.find(`POST ${route}`, (each) => each.name === `POST ${route}`);
        const isBelow = (each: { traceId: string; name: string }) =>
          each.traceId === span?.traceId && each.name === `${provider}.create`;
        expect(await collector.find(`${provider}.create below it`, isBelow)).toHaveLength(1);
        const scrape = await Scrape.of(service);
        const labels = { http_route: route, http_request_method: 'POST', http_response_status_code: '201' };
        expect(scrape.sum('http_server_request_duration_seconds_count', labels)).toBe(1);
      },
    );

    test.each([
      ['stock_items', 'StockItem', 'StockItemsService'],
      ['payments', 'Payment', 'PaymentsService'],
    ])('%s answer over gRPC, with span and metric', async (packageName, message, provider) => {
      const rpcs = await rpcsOf(packageName, message);
      const create = rpcs[`create${message}`] as MethodDefinition<object, object>;
      expect(await service.grpc.unary(create as never, { name: 'first' } as never)).toMatchObject({
        [message.charAt(0).toLowerCase() + message.slice(1)]: { name: 'first', version: 1 },
      });
      const name = `${packageName}.v1.${message}Service/Create${message}`;
      const [span] = await collector.find(name, (each) => each.name === name);
      const isBelow = (each: { traceId: string; name: string }) =>
        each.traceId === span?.traceId && each.name === `${provider}.create`;
      expect(await collector.find(`${provider}.create below it`, isBelow)).toHaveLength(1);
      const scrape = await Scrape.of(service);
      const labels = { rpc_service: `${packageName}.v1.${message}Service`, rpc_method: `Create${message}` };
      expect(scrape.sum('rpc_server_call_duration_seconds_count', labels)).toBe(1);
    });
  });

  // Removing takes as long as generating; test/removal does it in every run.
  if (!IS_SOAK) return;
  test('features that are removed again leave the tree byte for byte as it was', async () => {
    project.git('reset', '--quiet', '--hard');
    project.git('clean', '--quiet', '--force', '-d');
    for (const [index, { name }] of [...features.entries()].toReversed()) {
      const { code, stderr } = await project.command('remove', [name, '--no-verify']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(project.files()).toEqual(trees[index]);
      project.commit(`feat!: no more ${name}`);
    }
  });
});

/** The generated code of the copy that serves. */
async function rpcsOf(packageName: string, message: string): Promise<Record<string, unknown>> {
  const file = join(project.root, `dist/generated/${packageName}/v1/${packageName}.js`);
  const generated = (await import(file)) as Record<string, Record<string, unknown>>;
  return generated[`${message}ServiceService`] ?? {};
}
