import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { runTool } from '../support/build.js';
import { startProcess } from '../support/service-process.js';
import { TemplateProject } from '../template/template-project.js';
import { commandsOf, filesOf } from './readme.js';

const IS_SOAK = Boolean(process.env['SOAK']);
const ROOT_MODULE = 'src/app.module.ts';
const LIMIT_MS = IS_SOAK ? 1_800_000 : 300_000;
/** Every check and test in a soak; otherwise what is quick and what the change can break. */
const CHECKS = IS_SOAK ? ['check'] : ['check:types', 'check:imports', 'check:dead-code'];
const REMAINING_TESTS = IS_SOAK
  ? []
  : ['test/chassis/bad-input.http', 'test/project/e', 'test/project/metrics'];

let folder: string;
let project: TemplateProject;
beforeAll(async () => {
  project = new TemplateProject();
  await project.haveBuilt();
  folder = project.root;
});
afterAll(() => project[Symbol.dispose]());

describe('the project as the README changes it', { timeout: LIMIT_MS }, () => {
  test('without the sample starts and keeps its checks and tests', async () => {
    const commands = commandsOf('Remove the sample');
    await shell(IS_SOAK ? commands : commands.replace('-- orders', '-- orders --no-verify'));
    expect((await project.run('git', ['grep', '-l', 'feature:orders', '--', '*.md'])).stdout).toBe('');
    await check(CHECKS);
    await using service = await startProcess({ root: folder });
    await service.ready();
    expect((await service.management.get('/readyz')).status).toBe(200);
    await vitest(REMAINING_TESTS);
  });

  // What `nest generate feature` writes is tried in every run; what the README has by hand in a soak.
  if (!IS_SOAK) return;
  test('with the feature of "Add a feature" keeps its checks and the test of the feature', async () => {
    for (const { path, text } of filesOf('Add a feature', 'src/features/greetings')) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    editRootModule(
      (text) =>
        `import { GreetingsModule } from './features/greetings/greetings.module.js';\n${text.replace('imports: []', 'imports: [GreetingsModule]')}`,
    );
    await shell('npm run contract');
    await check(CHECKS);
    await vitest(['test/features/greetings']);
  });
});

function editRootModule(edit: (text: string) => string): void {
  const file = join(folder, ROOT_MODULE);
  writeFileSync(file, edit(readFileSync(file, 'utf8')));
}

function shell(commands: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TEST_DATABASE_URL: inject('postgresUrl') };
    execFile('sh', ['-ec', commands], { cwd: folder, env }, (error, stdout, stderr) =>
      error ? reject(new Error(`${commands}\n${stdout}${stderr}`, { cause: error })) : resolve(),
    );
  });
}

/** Lines that became shorter are formatted first. */
async function check(names: readonly string[]): Promise<void> {
  await runTool('prettier', ['--write', ROOT_MODULE, 'package.json'], { cwd: folder });
  await shell(names.map((name) => `node --run ${name}`).join(' && '));
}

async function vitest(files: readonly string[]): Promise<void> {
  // All tests at most, but not the long versions of them.
  const env = { TEST_DATABASE_URL: inject('postgresUrl'), SOAK: '' };
  await runTool('vitest', ['run', '--exclude', 'test/{removal,template}/**', ...files], {
    cwd: folder,
    env,
    timeoutMs: LIMIT_MS,
  });
}
