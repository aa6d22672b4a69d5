import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildOnce } from '../support/build.js';
import { startProcess } from '../support/service-process.js';
import { freePort } from '../support/free-ports.js';

const PROJECT = resolve(import.meta.dirname, '../..');

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of each stage, by its name. */
const stages = parse(readFileSync(join(PROJECT, 'docker/Dockerfile'), 'utf8'));
const runtime = stages.get('runtime') ?? [];

describe('the Dockerfile', () => {
  test('has a stage that builds, one for production dependencies, and ends in the one that runs', () => {
    expect([...stages.keys()]).toEqual(['', 'build', 'dependencies', 'runtime']);
  });

  test('runs the Node version that the project pins', () => {
    const { packages } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    expect(all('ARG', stages.get(''))).toEqual([`NODE_VERSION=${packages['node_modules/node']?.version}`]);
    for (const name of ['build', 'dependencies', 'runtime'])
      expect(all('FROM', stages.get(name))).toEqual([`node:\${NODE_VERSION}-slim AS ${name}`]);
  });

  test('copies from the project only what exists there and what .dockerignore lets through', () => {
    const ignore = readFileSync(join(PROJECT, '.dockerignore'), 'utf8').split('\n');
    const sources = [...stages.values()].flatMap(projectSources);
    expect(sources).toContain('contracts/descriptors.binpb');
    for (const source of sources) {
      expect(existsSync(join(PROJECT, source)), source).toBe(true);
      expect(ignore).toContain(`!${source}`);
    }
  });

  test('runs as a user without rights, by number', () => {
    expect(all('USER', runtime)).toEqual(['1000:1000']);
  });

  test('starts Node without a shell, so that signals reach it', () => {
    expect(all('CMD', runtime)).toEqual(['["node", "dist/main.js"]']);
    expect(all('ENTRYPOINT', runtime)).toEqual([]);
  });

  test('listens on every address, in the production profile', () => {
    const [env] = all('ENV', runtime);
    expect(env).toContain('HOST=0.0.0.0');
    expect(env).toContain('APP_ENV=production');
  });
});

describe('what the image holds', () => {
  let root: string;
  beforeAll(async () => {
    await buildOnce();
    root = mkdtempSync(join(tmpdir(), 'image-'));
    for (const source of [...projectSources(stages.get('dependencies')), ...projectSources(runtime)])
      cpSync(join(PROJECT, source), join(root, source), { recursive: true });
    cpSync(join(PROJECT, 'dist'), join(root, 'dist'), { recursive: true });
    const [install = ''] = all('RUN', stages.get('dependencies'));
    execFileSync('sh', ['-c', install], {
      cwd: root,
      env: { ...process.env, npm_config_prefer_offline: 'true', npm_config_loglevel: 'error' },
    });
  }, 180_000);
  afterAll(() => rmSync(root, { recursive: true }));

  test('is enough to start, to be found healthy and to end on SIGTERM with 0', async () => {
    const port = String(await freePort());
    await using service = await startProcess({
      root,
      env: {
        APP_ENV: 'production',
        MANAGEMENT_PORT: port,
        DATA_DIR: 'memory://',
        SHUTDOWN_PROPAGATION_MS: '0',
      },
    });
    await service.ready();
    const [check = ''] = all('HEALTHCHECK', runtime);
    const [command, ...parameters] = JSON.parse(check.slice(check.indexOf('['))) as [string, ...string[]];
    const healthy = (at: string) =>
      execFileSync(command, parameters, { env: { ...process.env, MANAGEMENT_PORT: at } });
    expect(() => healthy(port)).not.toThrow();
    expect(() => healthy('9')).toThrow();
    expect((await service.http.get('/v1/unknown')).status).toBe(404);
    expect(await service.stop()).toBe(0);
  });

  test('has the compiled code of nearly all that a start loads', async () => {
    const [, compile = ''] = all('RUN', runtime);
    const folder = join(root, 'compiled');
    execFileSync('sh', ['-c', compile], { cwd: root, env: { ...process.env, NODE_COMPILE_CACHE: folder } });
    await using service = await startProcess({
      root,
      env: {
        APP_ENV: 'production',
        NODE_COMPILE_CACHE: folder,
        NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
        SHUTDOWN_PROPAGATION_MS: '0',
      },
    });
    await service.ready();
    const count = (end: string) => service.stderr.split(end).length - 1;
    expect(count(' was accepted')).toBeGreaterThan(1500);
    expect(count(' was not initialized')).toBeLessThan(count(' was accepted') / 10);
    expect(await service.stop()).toBe(0);
  });

  test('has no development tools', () => {
    for (const name of ['typescript', '@typescript', 'vitest', 'node', '@nestjs/cli', '@redocly/cli'])
      expect(existsSync(join(root, 'node_modules', name)), name).toBe(false);
  });
});

function parse(text: string): Map<string, Instruction[]> {
  const found = new Map<string, Instruction[]>([['', []]]);
  let stage = '';
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  for (const line of lines.filter(Boolean)) {
    const [name = '', ...rest] = line.split(' ');
    const instruction = { name, text: rest.join(' ') };
    if (name === 'FROM') stage = rest.at(-1) ?? '';
    found.set(stage, [...(found.get(stage) ?? []), instruction]);
  }
  return found;
}

function all(name: string, instructions: readonly Instruction[] = []): string[] {
  return instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

/** What COPY takes from the project's folder, not from another stage. */
function projectSources(instructions: readonly Instruction[] = []): string[] {
  return all('COPY', instructions)
    .filter((text) => !text.startsWith('--from='))
    .flatMap((text) => text.split(' ').slice(0, -1));
}
