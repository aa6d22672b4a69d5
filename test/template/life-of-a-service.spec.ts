import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { HealthService } from '#generated/grpc/health/v1/health';
import { createDatabase } from '../support/postgres.js';
import { startProcess } from '../support/service-process.js';
import { TemplateProject } from './template-project.js';

const IS_SOAK = Boolean(process.env['SOAK']);
const LIMIT_MS = IS_SOAK ? 1_800_000 : 600_000;
/** All checks of the commands themselves in a soak; here what they make is tried. */
const VERIFY = IS_SOAK ? [] : ['--no-verify'];
const INIT = ['--name', 'parcels', '--scope', '@acme', '--reset-changelog', '--reset-git', ...VERIFY];
const TESTS = ['src/chassis/config', 'test/project/env-example', 'test/chassis/errors'];

let template: string;
let project: TemplateProject;
beforeAll(async () => {
  project = new TemplateProject();
  await project.haveBuilt();
  mkdirSync(join(project.root, 'src/features/gone'));
  project.write('src/features/gone/gone.txt', 'Goes.\n');
  project.write('docs/gone.md', 'Stays.\n\n<!-- feature:gone -->\n\nGoes.\n\n<!-- /feature:gone -->\n');
  project.commit('feat: gone');
  project.git('tag', 'v0.1.0');
  template = mkdtempSync(join(tmpdir(), 'newer-'));
  execFileSync('git', ['clone', '--quiet', project.root, template]);
  project.git('remote', 'add', 'origin', template);
});
afterAll(() => {
  project[Symbol.dispose]();
  rmSync(template, { recursive: true });
});

describe('a service that is made from the template', { timeout: LIMIT_MS }, () => {
  test('has its own name everywhere, and the old one nowhere', async () => {
    const old = (JSON.parse(project.read('package.json')) as { name: string }).name;
    expect(await project.command('init', INIT)).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(project.read('package.json'))).toMatchObject({
      name: '@acme/parcels',
      version: '0.1.0',
    });
    expect(project.read('README.md')).toMatch(/^# parcels\n/);
    const pattern = old.replace('-', '[-_ ]\\?');
    const { stdout } = await project.run('git', [
      'grep',
      '--ignore-case',
      '--text',
      '--line-number',
      pattern,
    ]);
    expect(stdout).toBe('');
  });

  test('has a history, versions and a changelog of its own', () => {
    expect(project.git('log', '--format=%s')).toBe('chore: start parcels\n');
    expect(project.git('status', '--porcelain')).toBe('');
    expect(project.git('tag')).toBe('');
    expect(project.git('remote')).toBe('template\n');
    expect(project.read('CHANGELOG.md')).toMatch(/## \[Unreleased\]\n$/);
  });

  // test/template/getting-started.spec.ts starts what `init` makes in every run.
  if (IS_SOAK) {
    test('builds, starts, answers on both transports and passes its tests', async () => {
      await project.script('build');
      const database = await createDatabase(inject('postgresUrl'));
      await using service = await startProcess({ root: project.root, env: { DATABASE_URL: database } });
      await service.ready();
      const { body } = await service.http.get('/openapi.json');
      expect(body).toMatchObject({ info: { title: 'parcels' } });
      expect(await service.grpc.unary(HealthService.check, { service: '' })).toMatchObject({
        status: 'SERVING',
      });
      expect((await service.management.get('/metrics')).body).toContain('service_info{name="parcels"');
      const env = { TEST_DATABASE_URL: inject('postgresUrl'), SOAK: '' };
      await project.tool('vitest', ['run', ...TESTS], env);
    });
  }

  test('stays as it is when it is named once more', async () => {
    const before = project.state();
    const again = await project.command('init', ['--name', 'parcels']);
    expect(again).toMatchObject({ code: 0, stdout: 'This is parcels already; nothing to do.\n' });
    expect(project.state()).toEqual(before);
  });

  test('takes the chassis of a newer version, and keeps what is its own', async () => {
    changeTemplate();
    const files = changeProject();
    const { code, stdout, stderr } = await project.command('upgrade', ['--from', template, ...VERIFY]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(project.read('docs/audit.md')).toBe('The audit of parcels.\n');
    expect(project.read('docs/gone.md')).toBe('Stays, changed.\n');
    expect(project.has('docs/tls.md')).toBe(false);
    expect(project.read('docs/new/page.md')).toBe('New.\n');
    expect(project.read('config/test.yaml')).toMatch(/^# Theirs\n[^]*# Yours\n$/);
    for (const [path, text] of files) expect(project.read(path), path).toBe(text);
    const { name, scripts, chassis } = JSON.parse(project.read('package.json')) as Record<string, object>;
    expect({ name, chassis }).toMatchObject({ name: '@acme/parcels', chassis: { version: '0.2.0' } });
    expect(scripts).toMatchObject({ theirs: 'echo parcels', yours: 'true' });
    expect(stdout).toMatch(/You had changed these files of the chassis.*\n {2}docs\/audit\.md\n\n/);
    expect(scripts).toMatchObject({ soak: 'ours' });
    expect(stdout).toMatch(
      /took out these entries .*; they stay as you have them: \n {2}scripts\.soak: "ours"\n/,
    );
    expect(stdout).not.toContain("they are the template's now. Yours were");
  });

  test('can see what was lost of its changes, by the command that the upgrade printed', async () => {
    project.commit('feat: newer chassis');
    const from = project.git('log', '--format=%h', '--', 'docs/audit.md');
    expect(from.trim().split('\n')).toHaveLength(3);
    const again = await project.command('upgrade', ['--from', template]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('The project is of that version already');
  });
});

/** A newer template: files that changed, came and went. */
function changeTemplate(): void {
  const run = (command: string) => execFileSync('sh', ['-ec', command], { cwd: template });
  run(`echo "The audit of $(node -p 'require("./package.json").name')." > docs/audit.md`);
  run('sed -i s/Stays/Stays,\\ changed/ docs/gone.md');
  run(
    'mkdir docs/new && echo New. > docs/new/page.md && git rm -q docs/tls.md && sed -i "1i # Theirs" config/test.yaml',
  );
  run('npm pkg set version=0.2.0 scripts.theirs="echo $(npm pkg get name | tr -d \\")"');
  run('npm pkg delete scripts.soak');
  run('git add -A && git -c user.name=T -c user.email=t@example.test commit -qm "feat: newer"');
}

/** What the user has done; returns what must stay. */
function changeProject(): [path: string, text: string][] {
  const mine: [string, string][] = [
    ['docs/ours.md', 'Ours.\n'],
    ['src/features/orders/ours.txt', 'Ours.\n'],
    ['README.md', '# Parcels of ours\n'],
  ];
  for (const [path, text] of mine) project.write(path, text);
  project.write('docs/audit.md', `${project.read('docs/audit.md')}Ours.\n`);
  // As `npm run remove` leaves it.
  rmSync(join(project.root, 'src/features/gone'), { recursive: true });
  project.write('docs/gone.md', 'Stays.\n');
  project.write('config/test.yaml', `${project.read('config/test.yaml')}# Yours\n`);
  const content = JSON.parse(project.read('package.json')) as { scripts: object };
  const changed = { ...content, scripts: { ...content.scripts, yours: 'true', soak: 'ours' } };
  project.write('package.json', `${JSON.stringify(changed, null, 2)}\n`);
  project.commit('feat: ours');
  return mine;
}
