import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readPackage } from './package-json.ts';
import { environmentOf } from './run-program.ts';
import { TemplateError } from './template-error.ts';
import type { Workshop } from './workshop.ts';

const SETTINGS = {
  APP_ENV: 'test',
  LOG_FORMAT: 'json',
  LOG_LEVEL: 'info',
  DATA_DIR: 'memory://',
  HTTP_PORT: '0',
  GRPC_PORT: '0',
  MANAGEMENT_PORT: '0',
};

interface Addresses {
  readonly http: string;
  readonly grpc: string;
  readonly management: string;
}

/**
 * Starts the built service of the copy and calls each of its ports.
 * @throws {TemplateError} when it does not start, a port does not answer, or it has another name than the package
 */
export async function callService(copy: Workshop): Promise<void> {
  const env = { ...environmentOf(copy.root), ...SETTINGS };
  const service = spawn('node', ['dist/main.js'], {
    cwd: copy.root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: copy.interrupted,
  });
  // An interrupt ends the service, and what waits for it fails.
  service.on('error', () => {});
  try {
    await call(copy, await addressesOf(service));
  } finally {
    service.kill('SIGKILL');
  }
}

async function addressesOf(service: ChildProcess): Promise<Addresses> {
  const lines: string[] = [];
  if (service.stdout)
    for await (const line of createInterface({ input: service.stdout })) {
      lines.push(line);
      if (line.includes('"service ready"')) return JSON.parse(line) as Addresses;
    }
  throw new TemplateError(`The service did not start:\n${lines.join('\n')}`);
}

async function call(copy: Workshop, { http, grpc, management }: Addresses): Promise<void> {
  const { info } = (await read(`http://${http}/openapi.json`)) as { info: { title: string } };
  const { name } = (await read(`http://${management}/info`)) as { name: string };
  await read(`http://${management}/readyz`);
  const health = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', '--data', '{}'];
  await copy.run('buf', ...health, `http://${grpc}/grpc.health.v1.Health/Check`);
  const expected = readPackage(copy.root).name.replace(/^@[^/]*\//, '');
  if (name === expected && info.title === expected) return;
  throw new TemplateError(
    `The service calls itself "${name}" and its contract "${info.title}", not "${expected}". ` +
      'SERVICE_NAME in config/test.yaml or the environment says otherwise: take it out.',
  );
}

async function read(url: string): Promise<unknown> {
  const answer = await fetch(url);
  if (answer.ok) return answer.json();
  throw new TemplateError(`The service answered ${answer.status} to ${url}: ${await answer.text()}`);
}
