import { chmodSync, lchownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandResult } from '../support/project-copy.js';
import { TemplateProject } from './template-project.js';

const LIMIT_MS = 300_000;
/** Somebody without rights. */
const NOBODY = 65_534;

let project: TemplateProject;
beforeAll(() => {
  project = new TemplateProject();
});
afterAll(() => project[Symbol.dispose]());

/** The command fails with one message and leaves everything as it was. */
async function refused(run: () => Promise<CommandResult>): Promise<string> {
  const before = project.state();
  const stderr = messageOf(await run());
  expect(project.state()).toEqual(before);
  return stderr;
}

function messageOf({ code, stderr }: CommandResult): string {
  expect(code).toBe(1);
  expect(stderr).not.toMatch(/\n {4}at /);
  return stderr;
}

describe('a command line that cannot be', { timeout: LIMIT_MS }, () => {
  let before: object;
  beforeAll(() => {
    before = project.state();
  });

  test.each<[name: string, parameters: string[], says: string]>([
    ['init', [], '--name is missing'],
    ['init', ['payments'], "Unexpected argument 'payments'"],
    ['init', ['--nmae', 'payments'], "Unknown option '--nmae'"],
    ['init', ['--name', 'Payments'], 'lower-case letters, digits and "-"'],
    ['init', ['--name', 'zahlungsströme'], '"zahlungsströme" must be lower-case'],
    ['init', ['--name', '支払い'], 'lower-case letters'],
    ['init', ['--name', '../payments'], 'lower-case letters'],
    ['init', ['--name', 'pay/ments'], 'lower-case letters'],
    ['init', ['--name', '-x'], 'argument is ambiguous'],
    ['init', ['--name=-x'], 'lower-case letters'],
    ['init', ['--name', 'payments-'], 'end with a letter or digit'],
    ['init', ['--name', '1st'], 'begin with a letter'],
    ['init', ['--name', 'p'.repeat(64)], 'at most 63'],
    ['init', ['--name', ''], 'lower-case letters'],
    ['init', ['--name', 'a\nb'], '"a\\nb"'],
    ['init', ['--name', 'http'], '--name http is taken'],
    ['init', ['--name', 'postgres'], '--name postgres is taken'],
    ['init', ['--name', 'payments', '--scope', 'acme'], '--scope "acme" must be "@"'],
    ['init', ['--name', 'payments', '--scope', '@../x'], '--scope'],
    ['init', ['--name', 'payments', '--domain', '../x'], '"../x" is no name of a feature'],
    ['init', ['--name', 'payments', '--domain', 'chèque'], '"chèque" is no name of a feature'],
    ['remove', [], 'Give the name of one feature'],
    ['remove', ['orders', 'invoices'], 'Give the name of one feature'],
    ['remove', ['invoices'], 'There is no feature "invoices" in src/features. There is: '],
    ['remove', ['../chassis'], '"../chassis" is no name of a feature'],
    ['remove', ['chassis'], 'There is no feature "chassis"'],
    ['remove', ['/etc'], 'is no name of a feature'],
    ['remove', ['.'], 'is no name of a feature'],
    ['remove', ['größe'], 'is no name of a feature'],
    ['upgrade', [], '--from is missing'],
    ['upgrade', ['--from'], 'argument missing'],
    ['upgrade', ['--from', 'v9.9.9'], '--from v9.9.9 is neither a folder nor a commit'],
    ['upgrade', ['--from=--upload-pack=touch x'], 'is neither a folder nor'],
    ['upgrade', ['--from', tmpdir()], 'is no git checkout'],
    ['upgrade', ['--from', 'HEAD', '--base', 'v0.0.0'], '--base v0.0.0 is no commit'],
    ['upgrade', ['--from', 'HEAD'], 'of that version already'],
  ])('%s %j', async (name, parameters, says) => {
    expect(messageOf(await project.command(name, parameters))).toContain(says);
  });

  test.each(['init', 'remove', 'upgrade'])('%s --help says what it does', async (name) => {
    const { code, stdout } = await project.command(name, ['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`npm run ${name} -- `);
  });

  test('after all of this the project is as it was', () => {
    expect(project.state()).toEqual(before);
  });
});

describe('a project that cannot be changed', { timeout: LIMIT_MS }, () => {
  const commands: [string, string[]][] = [
    ['init', ['--name', 'payments']],
    ['remove', ['probes']],
    ['upgrade', ['--from', 'HEAD']],
  ];
  beforeAll(() => {
    mkdirSync(join(project.root, 'src/features/probes'));
    project.write('src/features/probes/probes.ts', 'export const probe = 1;\n');
    project.commit('feat: a feature to remove');
  });

  test.each(commands)('%s: a tree with changes', async (name, parameters) => {
    project.write('new.txt', 'mine');
    const message = await refused(() => project.command(name, parameters));
    rmSync(join(project.root, 'new.txt'));
    expect(message).toMatch(/The tree has changes\. Commit or stash them first .*\n\?\? new\.txt/);
  });

  test.each(commands)('%s: no git on the PATH', async (name, parameters) => {
    const message = await refused(() => project.command(name, parameters, { env: { PATH: '/nowhere' } }));
    expect(message).toContain('"git" cannot be started. Is it installed?');
  });

  test('a repository that git refuses', async () => {
    const config = project.read('.git/config');
    const message = await refused(async () => {
      project.write('.git/config', '[');
      const result = await project.command('remove', ['probes']);
      project.write('.git/config', config);
      return result;
    });
    expect(message).toMatch(/If it is one, do what git says: .*\nfatal: bad config line \d/);
  });

  test.each(commands)('%s: no packages', async (name, parameters) => {
    rmSync(join(project.root, 'node_modules'));
    // TypeScript is a package too: what runs without it says so.
    const { code, stderr } = await project.command(name, parameters);
    symlinkSync(join(process.cwd(), 'node_modules'), join(project.root, 'node_modules'));
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/npm ci/) });
  });

  test('a feature that another one imports', async () => {
    mkdirSync(join(project.root, 'src/features/users'));
    project.write('src/features/users/users.ts', "import '../probes/probes.js';\n");
    project.commit('feat: a feature that uses it');
    const message = await refused(() => project.command('remove', ['probes']));
    expect(message).toMatch(/imported by other code.*\n {2}src\/features\/users\/users\.ts\n/);
  });

  test.each([
    ['{', 'feature.json is not JSON'],
    ['{"paths": ["../.."]}', '"paths" may not hold "../.."'],
    ['{"paths": ["src/chassis"]}', '"paths" may not hold "src/chassis"'],
    ['{"scripts": [1]}', '"scripts" must be a list of strings'],
  ])('a feature.json of %s', async (text, says) => {
    project.write('src/features/probes/feature.json', text);
    project.commit('feat: extras');
    expect(await refused(() => project.command('remove', ['probes']))).toContain(says);
  });

  test('a folder that may not be written', async () => {
    const isRoot = process.getuid?.() === 0;
    if (isRoot) give(project.root, NOBODY);
    chmodSync(project.root, 0o555);
    try {
      const id = isRoot ? { id: NOBODY } : {};
      const env = { HOME: project.root, TMPDIR: tmpdir() };
      const { code, stderr } = await project.command('init', ['--name', 'payments'], { env, ...id });
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('cannot be written'),
      });
    } finally {
      chmodSync(project.root, 0o755);
      if (isRoot) give(project.root, 0);
    }
    expect(project.git('status', '--porcelain')).toBe('');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s half-way', async (signal, exitCode) => {
    const temporary = mkdtempSync(join(tmpdir(), 'interrupted-'));
    const before = project.state();
    const { code, stderr } = await project.command('init', ['--name', 'payments'], {
      env: { TMPDIR: temporary },
      signalAt: { text: 'making generated code', signal },
    });
    expect({ code, stderr }).toEqual({
      code: exitCode,
      stderr: `npm run init: Ended by ${signal}; nothing was changed.\n`,
    });
    expect(project.state()).toEqual(before);
    expect(readdirSync(temporary)).toEqual([]);
    rmSync(temporary, { recursive: true });
  });
});

/** Gives the folder and all that is in it to somebody. */
function give(folder: string, id: number): void {
  lchownSync(folder, id, id);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) give(path, id);
    else lchownSync(path, id, id);
  }
}

test('init: resets of what was made without them', { timeout: LIMIT_MS }, async () => {
  using service = new TemplateProject();
  const content = JSON.parse(service.read('package.json')) as { name: string };
  const chassis = { version: '0.1.0', commit: service.git('rev-parse', 'HEAD').trim() };
  service.write('package.json', JSON.stringify({ ...content, chassis }));
  service.commit('chore: start');
  const before = service.state();
  const resets = ['--reset-git', '--reset-changelog'];
  const init = () => service.command('init', ['--name', content.name, ...resets]);

  const late = await init();
  expect(late.code).toBe(1);
  expect(late.stderr).toContain('made without --reset-git and --reset-changelog; that is for the first run');
  expect(service.state()).toEqual(before);

  service.write('CHANGELOG.md', '# Changelog\n\n## [Unreleased]\n\n- Ours.\n');
  service.git('checkout', '--quiet', '--orphan', 'new');
  service.commit('chore: start');
  expect(await init()).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/nothing to do/) });
});
