import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProjectCopy } from '../support/project-copy.js';
import { generateAll, type Result } from './generate-all.js';
import { addLedger, LEDGER_FOLDER } from './ledger.js';

const LIMIT_MS = 600_000;

let project: ProjectCopy;
beforeAll(() => {
  // As some people's folders are called.
  project = new ProjectCopy('Größe mit Leerzeichen');
  addLedger(project);
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

describe('what cannot be is refused, and nothing is written', () => {
  let before: Readonly<Record<string, string>>;
  let results: readonly Result[];
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
    results = await generateAll(
      project,
      REFUSED.map(([parameters]) => ({ parameters })),
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
    const { code, stdout } = await project.generate(['job', 'sweep', '--dry-run'], LEDGER_FOLDER);
    expect(stdout.trim().split('\n').toSorted()).toEqual([
      `CREATE ${LEDGER_FOLDER}/sweep.job.spec.ts`,
      `CREATE ${LEDGER_FOLDER}/sweep.job.ts`,
      'Dry run: nothing was written.',
      `UPDATE ${LEDGER_FOLDER}/ledger.module.ts`,
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
