import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { CLEAN_ENVIRONMENT } from '../support/clean-environment.js';
import { eventually } from '../support/eventually.js';
import { createDatabase } from '../support/postgres.js';
import { ProjectCopy } from '../support/project-copy.js';

const MAKE = ['make', '--old-file=node_modules/.installed', 'dev'];
/** The first compilation has nothing to go on from. */
const LIMIT_MS = 240_000;
const CTRL_C = '\u0003';
const READY = /"management":"([^"]+)","msg":"service ready"/g;

let project: ProjectCopy;
let env: Readonly<Record<string, string | undefined>>;
beforeAll(async () => {
  project = new ProjectCopy('dev');
  await project.haveBuilt();
  const ports = { HTTP_PORT: '0', GRPC_PORT: '0', MANAGEMENT_PORT: '0' };
  const DATABASE_URL = await createDatabase(inject('postgresUrl'));
  env = {
    ...CLEAN_ENVIRONMENT,
    ...ports,
    DATABASE_URL,
    APP_ENV: 'test',
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'json',
  };
});
afterAll(() => project[Symbol.dispose]());

test(
  'starts the service anew after a change that compiles, and leaves it where one does not',
  { timeout: LIMIT_MS },
  async () => {
    const dev = new Dev(MAKE);
    const before = await dev.ready(1);
    appendFileSync(module(), 'const unfinished: number = "text";\n');
    await dev.printed(/app\.module\.ts.*TS2322/);
    expect((await fetch(`http://${before}/livez`)).status).toBe(200);
    project.write(
      'src/app.module.ts',
      project.read('src/app.module.ts').replace('"text"', '1;void unfinished'),
    );
    await dev.ready(2);
    await expect(fetch(`http://${before}/livez`)).rejects.toThrow();
    // One write may be two changes for the compiler: the last start counts.
    const answers = async () =>
      fetch(`http://${dev.address}/livez`).then(
        ({ ok }) => ok,
        () => false,
      );
    await eventually('the new one answers', answers);
  },
);

test.each([
  ['while a change compiles', () => appendFileSync(module(), '// changed\n'), /change detected/],
  ['at rest', () => {}, /service ready/],
])('ends all with Ctrl-C %s', { timeout: LIMIT_MS }, async (_when, change, moment) => {
  const dev = new Dev(['script', '--quiet', '--flush', '--return', '--command', MAKE.join(' '), '/dev/null']);
  const address = await dev.ready(1);
  change();
  await dev.printed(moment);
  dev.process.stdin?.write(CTRL_C);
  await dev.ended();
  await expect(fetch(`http://${address}/livez`)).rejects.toThrow();
});

test.each(['SIGTERM', 'SIGHUP'] as const)('ends all with %s', { timeout: LIMIT_MS }, async (signal) => {
  const dev = new Dev(MAKE);
  const address = await dev.ready(1);
  if (signal === 'SIGHUP') process.kill(-dev.pid, signal);
  else dev.process.kill(signal);
  await dev.ended();
  await expect(fetch(`http://${address}/livez`)).rejects.toThrow();
});

const module = () => join(project.root, 'src/app.module.ts');

/** The command in a process group of its own, as a shell starts it. */
class Dev {
  readonly process: ChildProcess;
  #output = '';
  #hasEnded = false;

  constructor([program = '', ...parameters]: readonly string[]) {
    this.process = spawn(program, parameters, { cwd: project.root, env, detached: true });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (data: Buffer) => (this.#output += data.toString()));
    // Standard output is the service's, too: it is closed when all have ended.
    this.process.once('close', () => (this.#hasEnded = true));
    onTestFinished(() => void (this.#hasEnded || process.kill(-this.pid, 'SIGTERM')));
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** The management address of this start, the first being 1. */
  async ready(start: number): Promise<string> {
    await eventually(`start ${start}`, () => this.#starts.length >= start, LIMIT_MS / 2);
    return this.#starts[start - 1]?.[1] ?? '';
  }

  /** The management address of the last start. */
  get address(): string {
    return this.#starts.at(-1)?.[1] ?? '';
  }

  async printed(text: RegExp): Promise<void> {
    await eventually(`${text} is printed`, () => text.test(this.#output), 60_000);
  }

  async ended(): Promise<void> {
    await eventually('all have ended', () => this.#hasEnded, 30_000);
  }

  get #starts(): RegExpExecArray[] {
    return [...this.#output.matchAll(READY)];
  }
}
