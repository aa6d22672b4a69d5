import { readdirSync, readFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProjectCopy } from '../support/project-copy.js';

const FIXTURES = join(import.meta.dirname, 'fixtures/ledger');
const FEATURE = 'src/features/ledger';
const LIMIT_MS = 600_000;

/** The project with a feature that was not generated, and contracts of others beside it. */
function projectWithLedger(): ProjectCopy {
  const project = new ProjectCopy('schematics');
  mkdirSync(join(project.root, FEATURE), { recursive: true });
  mkdirSync(join(project.root, 'test/features'), { recursive: true });
  for (const file of readdirSync(FIXTURES)) {
    const text = readFileSync(join(FIXTURES, file), 'utf8');
    if (file === 'ledger.spec.ts.txt') project.write('test/features/ledger.spec.ts', text);
    else if (file.endsWith('.txt')) project.write(`${FEATURE}/${file.slice(0, -'.txt'.length)}`, text);
    else project.write(file, text);
  }
  const root = project.read('src/app.module.ts').replace(/imports: \[([^\]]*)\]/, (_all, others: string) => {
    return `imports: [${others}${others.trim() ? ', ' : ''}LedgerModule]`;
  });
  const added = "import { LedgerModule } from './features/ledger/ledger.module.js';\n";
  project.write('src/app.module.ts', root.replace('\n/** Which features', `${added}\n/** Which features`));
  return project;
}

let project: ProjectCopy;
beforeAll(async () => {
  project = projectWithLedger();
  await project.haveBuilt();
});
afterAll(() => project[Symbol.dispose]());

const LEDGER = ['--feature', 'ledger'];

/** What is refused, and what is told. */
const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [['guard'], /name is missing: nest generate guard <name>/],
  [['guard', '../evil', ...LEDGER], /name "..\/evil" is not valid: ASCII letters/],
  [['guard', 'wächter', ...LEDGER], /name "wächter" is not valid/],
  [['job', 'class', ...LEDGER], /name "class" is a reserved word/],
  [['guard', 'x'.repeat(41), ...LEDGER], /longer than 40/],
  [['guard', 'door'], /--feature is missing: .*there are: .*ledger/],
  [
    ['guard', 'door', '--feature', 'nobody'],
    /--feature nobody: src\/features\/nobody.* is not there; there are: .*ledger/,
  ],
  [['guard', 'door', '--feature', '../x'], /--feature "..\/x" is not valid/],
  [['guard', 'door', '--global', ...LEDGER], /--global and --feature are two places/],
  [['middleware', 'door', '--global', ...LEDGER], /--global and --feature are two places/],
  [['guard', 'ledger', '--global'], /ledger\.module\.ts.*is there already|LedgerModule already/],
  [['health-indicator', 'mail', '--loud', ...LEDGER], /--loud/],
  [['client', 'bank', ...LEDGER], /from is missing/],
  [['client', 'bank', '--from', 'nowhere.proto', ...LEDGER], /--from nowhere\.proto: .* is not there/],
  [['client', 'bank', '--from', 'src', ...LEDGER], /--from src: .* no file/],
  [
    ['client', 'bank', '--from', 'README.md', ...LEDGER],
    /a contract is an OpenAPI document \(\.json, \.yaml\) or a \.proto/,
  ],
  [['client', 'bank', '--from', 'no.openapi.json', ...LEDGER], /no OpenAPI document of version 3\.0 or 3\.1/],
  [['client', 'bank', '--from', 'broken.yaml', ...LEDGER], /broken\.yaml: /],
  [['client', 'bank', '--from', 'empty.openapi.yaml', ...LEDGER], /"paths" has no operation/],
  [['client', 'bank', '--from', 'same.openapi.yaml', ...LEDGER], /two operations would be called getIt/],
  [['client', 'bank', '--from', 'bare.proto', ...LEDGER], /has no "package"/],
  [['client', 'bank', '--from', 'broken.proto', ...LEDGER], /buf cannot compile it: .*broken\.proto:3/s],
  [['client', 'bank', '--from', 'none.proto', ...LEDGER], /the \.proto has no service/],
  [['client', 'bank', '--from', 'two.proto', ...LEDGER], /several services, --service says which: A, B/],
  [
    ['client', 'bank', '--from', 'two.proto', '--service', 'C', ...LEDGER],
    /--service C: the \.proto has A, B/,
  ],
  [['job', 'sweep', '--cron', '61 * * * *', ...LEDGER], /--cron "61 \* \* \* \*": .*minute: 61/],
  [['job', 'sweep', '--cron', '0 0 30 2 *', ...LEDGER], /is never due/],
  [['job', 'sweep', '--time-zone', 'Mars/Olympus', ...LEDGER], /--time-zone Mars\/Olympus/],
  [['job', 'sweep', '--every-ms', '5', ...LEDGER], /--every-ms 5 must be a whole number from 100/],
  [['job', 'sweep', '--every-ms', 'often', ...LEDGER], /--every-ms must be a number/],
  [['job', 'sweep', '--every-ms', '1000', '--cron', '* * * * *', ...LEDGER], /--every-ms goes with neither/],
];

/** Gives the commands one after the other in one process, which is a second less for each. */
const COMMANDS = `
import { generate } from './schematics/cli/generate.ts';
const told = [];
console.error = (line) => told.push(line);
const results = [];
for (const parameters of JSON.parse(process.argv[1])) {
  told.length = 0;
  results.push({ code: await generate(parameters), stderr: told.join() });
}
process.stdout.write(JSON.stringify(results));
`;

describe('what cannot be is refused, and nothing is written', () => {
  let before: Readonly<Record<string, string>>;
  let results: readonly { readonly code: number; readonly stderr: string }[];
  beforeAll(async () => {
    project.write('no.openapi.json', '{"swagger":"2.0"}');
    project.write('broken.yaml', 'a: [');
    project.write('empty.openapi.yaml', 'openapi: 3.1.0\npaths: {}\n');
    project.write('same.openapi.yaml', sameNames());
    project.write('bare.proto', 'syntax = "proto3";\nservice A {}\n');
    project.write('broken.proto', 'syntax = "proto3";\npackage a.v1;\nmessage {\n');
    project.write('none.proto', 'syntax = "proto3";\npackage a.v1;\nmessage A {}\n');
    project.write('two.proto', 'syntax = "proto3";\npackage a.v1;\nservice A {}\nservice B {}\n');
    before = project.files();
    const commands = JSON.stringify(REFUSED.map(([parameters]) => parameters));
    results = JSON.parse(
      await project.tool(process.execPath, ['--input-type=module', '-e', COMMANDS, commands]),
    );
  }, LIMIT_MS);

  test.each(REFUSED.map(([parameters, says], index) => ({ parameters, says, index })))(
    '$parameters',
    ({ says, index }) => {
      expect(results[index]?.stderr).toMatch(says);
      expect(results[index]?.code).toBe(1);
    },
  );

  test('a dry run tells what it would write', async () => {
    const { code, stdout } = await project.generate(['job', 'sweep', ...LEDGER, '--dry-run']);
    expect(stdout.trim().split('\n').toSorted()).toEqual([
      `CREATE ${FEATURE}/sweep.job.spec.ts`,
      `CREATE ${FEATURE}/sweep.job.ts`,
      'Dry run: nothing was written.',
      `UPDATE ${FEATURE}/ledger.module.ts`,
    ]);
    expect(code).toBe(0);
  });

  test('after all of this the tree is as it was', () => {
    expect(project.files()).toEqual(before);
  });
});

function sameNames(): string {
  const get = (path: string) => `  ${path}: { get: { operationId: get_it, responses: {} } }\n`;
  return `openapi: 3.1.0\npaths:\n${get('/a')}${get('/b')}`;
}

describe('what is generated', () => {
  test(
    'is written from any folder and in any case of names, and the rest goes on to work',
    async () => {
      const generate = async (parameters: readonly string[], folder = '.') => {
        const { code, stderr } = await project.generate(parameters, folder);
        expect(`${code} ${stderr}`).toBe('0 ');
      };
      // Contracts are made once, when all is there.
      const packageJson = project.read('package.json');
      project.write(
        'package.json',
        packageJson.replace(/"contract": "[^"]*"/, '"contract": "node --version"'),
      );
      await generate(['guard', 'suspendedAccounts', ...LEDGER]);
      await generate(['guard', 'maintenance', '--global']);
      await generate(['middleware', 'CallNotesMiddleware'], FEATURE);
      await generate(['middleware', 'every-call', '--global'], 'src/features');
      await generate(['health-indicator', 'mail_gate', '--critical'], FEATURE);
      await generate(['job', 'sweep ledger', '--every-ms', '500', ...LEDGER], 'docs');
      await generate(['client', 'LedgerMirror', '--from', '../../../mirror.openapi.json'], FEATURE);
      await generate(['client', 'bank', '--from', 'bank.proto', ...LEDGER]);
      project.write('package.json', packageJson);
      expect(JSON.parse(project.read(`${FEATURE}/feature.json`))).toEqual({
        paths: ['proto/bank/v1/bank.proto', 'src/generated/bank/v1/bank.ts'],
      });
      expect(project.read(`${FEATURE}/errors.md`)).toMatch(
        /\| `SUSPENDED_ACCOUNTS_REFUSED` +\| `PERMISSION_DENIED` +\| 403/,
      );
      expect((await project.generate(['job', 'sweepLedger', ...LEDGER])).stderr).toMatch(
        /sweep-ledger\.job\.ts is there already/,
      );
    },
    LIMIT_MS,
  );

  test(
    'is formatted, lint-clean and typed',
    async () => {
      await project.script('contract');
      await project.tool('prettier', [
        '--check',
        '--log-level',
        'warn',
        'src/features',
        'src/app.module.ts',
        'test/features',
        'buf.yaml',
      ]);
      await project.script('check:types');
      await project.tool('oxlint', ['src/features']);
      await project.tool('depcruise', ['src']);
      await project.tool('buf', ['lint']);
    },
    LIMIT_MS,
  );

  test(
    'passes its own tests, and works for real',
    async () => {
      const files = ['src/features/ledger', 'src/features/maintenance', 'src/features/every-call'];
      const tests = [...files, 'test/features/ledger.spec.ts', 'test/project/error-reasons.spec.ts'];
      await project.tool('vitest', ['run', ...tests], { NO_COLOR: '1' });
    },
    LIMIT_MS,
  );
});
