import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mayBreak, versionForBreak } from '../../scripts/contract/version-rule.js';
import { PARCELS, type Json } from './parcels.openapi.js';
import { PARCELS_PROTO } from './parcels.proto.js';
import { ContractProject, type Ended } from './project.js';

const original = ContractProject.released();
let project: ContractProject;
beforeEach(() => {
  project = original.copy();
});
afterAll(() => original[Symbol.dispose]());
afterEach(() => project[Symbol.dispose]());

const check = (...parameters: string[]): Ended => project.script('contract/check.ts', parameters);

test('contracts as they were released pass', () => {
  const { code, text } = check();
  expect(text).toBe(
    'Compared with v1.2.0:\nREST: no change that a client could notice\ngRPC: no change that a client could notice\n' +
      'REST and gRPC agree: 4 operations on both transports\n',
  );
  expect(code).toBe(0);
});

test('a break without the version for it fails with the list and the remedy, with the version it passes', () => {
  breakBoth();
  const refused = check();
  expect(refused.code).toBe(1);
  expect(refused.text).toMatch(/^REST: 1 breaking change$/m);
  expect(refused.text).toMatch(/^ {2}✗ DELETE \/v1\/parcels\/\{id\}: /m);
  expect(refused.text).toMatch(/^gRPC: 1 breaking change$/m);
  expect(refused.text).toMatch(/^ {2}✗ proto\/parcels\/v1\/parcels\.proto:\d+: .*"DeleteParcel"/m);
  expect(refused.text).toMatch(/npm version 2\.0\.0 --no-git-tag-version/);
  project.setVersion('2.0.0');
  const accepted = check();
  expect(accepted).toMatchObject({ code: 0, text: expect.stringMatching(/REST: 1 breaking change/) });
});

test('--against compares with any ref, a tag of a pre-release is passed over', () => {
  breakBoth();
  project.setVersion('2.0.0-rc.1');
  project.commit('feat!: no more deletes');
  project.git('tag', 'v2.0.0-rc.1');
  expect(check().text).toMatch(/Compared with v1\.2\.0:\nREST: 1 breaking/);
  expect(check('--against', 'main').text).toMatch(/Compared with main:\nREST: no change/);
  expect(check('--against', 'v2.0.0-rc.1')).toMatchObject({ code: 0 });
  project.setVersion('1.3.0');
  expect(check('--against', 'v1.2.0').code).toBe(1);
});

test('before the first release the last commit is compared, and nothing is refused', () => {
  project.git('tag', '--delete', 'v1.2.0');
  breakBoth();
  const { code, text } = check();
  expect(text).toMatch(/No release tag .* Compared with the last commit, HEAD, for information:\nREST: 1 breaking/);
  expect(code).toBe(0);
});

test('a repository without a commit has nothing to compare with', () => {
  rmSync(join(project.root, '.git'), { recursive: true });
  project.git('init', '--quiet');
  expect(check()).toMatchObject({ code: 0, text: expect.stringMatching(/^No commit yet/) });
});

test('a project inside of a larger repository finds its own contracts', () => {
  using outer = new ContractProject();
  const inner = 'services/parcels';
  for (const file of ['package.json', 'buf.yaml', 'contracts'])
    execFileSync('sh', ['-c', `mkdir -p ${inner} && cp -r ${file} ${inner}`], { cwd: outer.root });
  outer.git('init', '--quiet', '--initial-branch=main');
  outer.commit('feat: parcels');
  outer.git('tag', 'v1.0.0');
  outer.write(`${inner}/contracts/openapi.json`, JSON.stringify(withoutDelete()));
  const { code, text } = outer.script('contract/check.ts', [], {}, inner);
  expect(text).toMatch(/^ {2}✗ DELETE/m);
  expect(code).toBe(1);
});

describe('bad input has a clear error and changes nothing', () => {
  const CASES: readonly {
    readonly name: string;
    readonly message: RegExp;
    readonly prepare?: () => void;
    readonly parameters?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
  }[] = [
    { name: 'an unknown ref', parameters: ['--against', 'v9.9.9'], message: /git knows no commit "v9\.9\.9"/ },
    { name: 'a ref like an option', parameters: ['--against=--all'], message: /git knows no commit "--all"/ },
    { name: 'an empty ref', parameters: ['--against', ''], message: /git knows no commit ""/ },
    { name: 'a ref of no commit', parameters: ['--against', 'HEAD:buf.yaml'], message: /git knows no commit/ },
    { name: 'an unknown option', parameters: ['--agianst', 'v1'], message: /'--agianst'[^]*Usage: npm run contract:check/ },
    { name: 'a ref without --against', parameters: ['v1.2.0'], message: /Usage: npm run contract:check/ },
    { name: 'no git repository', prepare: () => remove('.git'), message: /is no git repository/ },
    {
      name: 'a repository that git refuses',
      env: { GIT_TEST_ASSUME_DIFFERENT_OWNER: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
      message: /If it is one, do what git says: fatal: .*ownership[^]*safe\.directory/,
    },
    { name: 'no git', env: { PATH: '' }, message: /The program "git" is not here\. Install it/ },
    {
      name: 'no OpenAPI document',
      prepare: () => remove('contracts/openapi.json'),
      message: /There is no contracts\/openapi\.json\. Run "npm run contract"/,
    },
    {
      name: 'no descriptors',
      prepare: () => remove('contracts/descriptors.binpb'),
      message: /There is no contracts\/descriptors\.binpb/,
    },
    { name: 'broken JSON', prepare: () => openApi('{"openapi":'), message: /openapi\.json is no JSON object/ },
    { name: 'JSON of another kind', prepare: () => openApi('{}'), message: /it has no "paths"/ },
    {
      name: 'an OpenAPI document that is none',
      prepare: () => openApi('{"openapi":1,"paths":{"/a":{"get":7}}}'),
      message: /oasdiff cannot compare the OpenAPI documents: .*load/,
    },
    {
      name: 'broken descriptors',
      prepare: () => project.write('contracts/descriptors.binpb', 'garbage'),
      message: /buf cannot compare/,
    },
    {
      name: 'no version',
      prepare: () => project.write('package.json', '{"type":"module"}'),
      message: /package\.json has no "name" or no "version"/,
    },
    {
      name: 'a version that is none',
      prepare: () => {
        breakBoth();
        project.setVersion('next');
      },
      message: /The version "next" of package\.json is no semantic version/,
    },
    {
      name: 'a release without contracts',
      prepare: () => {
        project.git('rm', '--quiet', '--cached', '-r', 'contracts');
        project.git('-c', 'user.name=T', '-c', 'user.email=t@example.com', 'commit', '--quiet', '-m', 'old');
        project.git('tag', 'v0.1.0');
      },
      parameters: ['--against', 'v0.1.0'],
      message: /There is no contracts\/openapi\.json in v0\.1\.0\. Compare with a commit that has it/,
    },
  ];

  test.each(CASES)('$name', ({ message, prepare, parameters, env }) => {
    prepare?.();
    const before = tree();
    const ended = project.script('contract/check.ts', parameters, env);
    expect(ended.text).toMatch(message);
    expect(ended.text).not.toMatch(/^\s+at /m);
    expect(ended.code).toBe(1);
    expect(tree()).toEqual(before);
  });

  test('a shallow clone without its tags', () => {
    project.git('tag', '--delete', 'v1.2.0');
    project.write('README.md', 'Parcels');
    project.commit('docs: a title');
    const clone = mkdtempSync(join(tmpdir(), 'shallow-'));
    try {
      execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${project.root}`, clone]);
      const { code, text } = project.script('contract/check.ts', [], {}, clone);
      expect(text).toMatch(/This clone is shallow .* Run "git fetch --unshallow --tags"/);
      expect(code).toBe(1);
    } finally {
      rmSync(clone, { recursive: true });
    }
  });
});

test.each([
  ['1.2.3', '2.0.0', true],
  ['1.2.3', '1.3.0', false],
  ['1.2.3', '1.2.4', false],
  ['1.2.3', '3.1.0', true],
  ['1.2.3', '2.0.0-rc.1', true],
  ['0.1.0', '0.2.0', true],
  ['0.1.5', '0.1.6', false],
  ['0.9.0', '1.0.0', true],
  ['2.0.0', '1.9.0', false],
  ['1.0.0+build.5', '2.0.0+build.6', true],
])('a break from %s to %s is allowed: %s', (released, current, isAllowed) => {
  expect(mayBreak(released, current)).toBe(isAllowed);
});

test('the version that a break needs follows semantic versioning', () => {
  expect(['1.2.3', '0.4.9', '0.0.1', '12.0.0'].map(versionForBreak)).toEqual(['2.0.0', '0.5.0', '0.1.0', '13.0.0']);
});

/** Every file outside of .git with the time of its last change. */
function tree(): string {
  const parameters = ['.', '-path', './.git', '-prune', '-o', '-printf', '%p %T@\n'];
  return execFileSync('find', parameters, { cwd: project.root, encoding: 'utf8' });
}

function remove(path: string): void {
  rmSync(join(project.root, path), { recursive: true });
}

function openApi(text: string): void {
  project.write('contracts/openapi.json', text);
}

function withoutDelete(): object {
  const document = structuredClone(PARCELS) as Json;
  delete document.paths['/v1/parcels/{id}'].delete;
  return document;
}

/** The same operation goes on both transports. */
function breakBoth(): void {
  project.setOpenApi(withoutDelete());
  project.setProto(PARCELS_PROTO.replace(/ {2}rpc DeleteParcel.*\n/, ''));
}
