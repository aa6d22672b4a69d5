import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { copyBuild } from '../../scripts/template/copy-build.ts';
import { buildOnce, PROJECT } from '../support/build.js';
import { eventually } from '../support/eventually.js';
import { freePorts } from '../support/free-ports.js';
import { stepsOf } from './document-steps.js';
import { TemplateProject } from './template-project.js';

/** Really installed, built and verified in a soak; otherwise with the packages and the build of the project. */
const IS_SOAK = Boolean(process.env['SOAK']);
const LIMIT_MS = IS_SOAK ? 3_600_000 : 900_000;
const MACHINE_TIME_LIMIT_S = 180;
const NOBODY = '01a1fdf5-f5e7-70dc-b568-e5be378f4ac2';
const CLONE = 'https://git.example.com/platform/template.git';

const steps = stepsOf('docs/getting-started.md');
let template: TemplateProject;
let parent: string;
let folder: string;
let environment: Record<string, string>;
let http: number;
let grpc: number;
let management: number;
let seconds = 0;

beforeAll(async () => {
  await buildOnce();
  template = new TemplateProject();
  parent = mkdtempSync(join(tmpdir(), 'started-'));
  folder = join(parent, 'payments');
  [http = 0, grpc = 0, management = 0] = await freePorts(3);
  environment = {
    ...(process.env as Record<string, string>),
    HTTP_PORT: String(http),
    GRPC_PORT: String(grpc),
    MANAGEMENT_PORT: String(management),
    TEST_DATABASE_URL: inject('postgresUrl'),
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'user.name',
    GIT_CONFIG_VALUE_0: 'Ada',
    GIT_CONFIG_KEY_1: 'user.email',
    GIT_CONFIG_VALUE_1: 'ada@example.test',
    SOAK: '',
  };
});
afterAll(() => {
  template[Symbol.dispose]();
  rmSync(parent, { recursive: true });
});

test('every command of docs/getting-started.md does what the page says', { timeout: LIMIT_MS }, async () => {
  let service: ChildProcess | undefined;
  try {
    for (const { kind, commands } of steps) {
      // What runs in a terminal is there for the calls after it.
      if (!commands.startsWith('curl')) service = await stop(service);
      if (kind === 'clone') clone(commands);
      else if (kind === 'docker') parseDocker(commands);
      else if (kind === 'terminal') service = await startTerminal(commands);
      else run(commands, folder);
      if (commands.startsWith('curl')) await expectOwnEndpoint();
    }
  } finally {
    await stop(service);
  }
  expect(existsSync(join(folder, 'src/features/invoices'))).toBe(true);
  expect(git('status', '--porcelain')).toBe('');
});

/** The page's commands until the first own endpoint answers, in seconds of processors. */
async function expectOwnEndpoint(): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${http}/v1/invoices/${NOBODY}`);
  expect(await answer.json()).toMatchObject({ status: 404, reason: 'INVOICE_NOT_FOUND' });
  process.stdout.write(`First own endpoint after ${seconds.toFixed(1)} s of processor time\n`);
  expect(seconds).toBeLessThan(MACHINE_TIME_LIMIT_S);
}

function clone(commands: string): void {
  expect(commands).toContain(CLONE);
  run(commands.replace(CLONE, template.root), parent);
  if (IS_SOAK) return;
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  copyBuild(PROJECT, folder);
}

function run(commands: string, cwd: string): void {
  const text = adapted(commands);
  // The shell's own count of what its commands took: user and system time of its children.
  const shell = ['-ec', `exec 3>&1 1>&2; trap 'times >&3' EXIT\n${text}`];
  const out = execFileSync('bash', shell, { cwd, env: environment, encoding: 'utf8', stdio: 'pipe' });
  seconds += [...out.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
}

/** Ports that are free here, packages that are there already, and checks that have tests of their own. */
function adapted(commands: string): string {
  const text = commands
    .replaceAll(':3000', `:${http}`)
    .replaceAll(':9464', `:${management}`)
    .replaceAll(':50051', `:${grpc}`);
  if (IS_SOAK) return text;
  return (
    text
      .replace('make run', 'make --old-file=node_modules/.installed run')
      .replace('--reset-git', '--reset-git --no-verify')
      // test/generators/feature.spec.ts does these, for several features.
      .replace(/^npm run contract\nnpm run check:types\nnpx vitest run .*$/m, '')
  );
}

async function startTerminal(commands: string): Promise<ChildProcess> {
  const child = spawn('sh', ['-ec', adapted(commands)], { cwd: folder, env: environment, detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output += data.toString()));
  const isOver = () => output.includes('service ready') || child.exitCode !== null;
  await eventually('the service is ready', isOver, LIMIT_MS / 3);
  expect(output).toContain('service ready');
  return child;
}

async function stop(child: ChildProcess | undefined): Promise<undefined> {
  if (child?.pid === undefined || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  process.kill(-child.pid, 'SIGTERM');
  await ended;
}

/** There is no Docker here: they are commands of a shell, and what they name is there. */
function parseDocker(commands: string): void {
  execFileSync('sh', ['-n', '-c', commands]);
  for (const line of commands.trim().split('\n')) expect(line).toMatch(/^docker (build|push|run|stop) /);
  expect(commands).toContain('-f docker/Dockerfile ');
  expect(existsSync(join(folder, 'docker/Dockerfile'))).toBe(true);
}

function git(...parameters: readonly string[]): string {
  return execFileSync('git', parameters, { cwd: folder, encoding: 'utf8' });
}
