import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT } from '../support/build.js';
import { eventually } from '../support/index.js';
import { startProcess } from '../support/service-process.js';
import { Scrape } from '../support/scrape.js';
import { SampleMaker } from '../../docker/load/sample-maker.js';

const LOAD = join(PROJECT, 'docker/load/load.ts');

test(
  'load finds the calls of a service by itself, makes them and ends on SIGTERM',
  { timeout: 180_000 },
  async () => {
    await using service = await startProcess({
      program: join(PROJECT, 'test/process/fixtures/echo-service.ts'),
    });
    await service.ready();
    const { child, output } = startLoad({
      LOAD_REST_URL: service.http.url,
      LOAD_GRPC_ADDRESS: service.address('grpc'),
      LOAD_RATE: '100',
      LOAD_ERROR_RATIO: '0.2',
    });
    const calls = async (labels: Record<string, string>) =>
      (await Scrape.of(service)).sum('http_server_request_duration_seconds_count', labels);
    await eventually(
      'the route was called',
      async () => (await calls({ http_route: '/echo/:word' })) > 20,
      30_000,
    );
    await eventually(
      'wrong calls were made',
      async () => (await calls({ http_response_status_code: '404' })) > 0,
      30_000,
    );
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    const lines = output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ msg: 'load begins', rate: 100 });
    expect(lines[0]?.['calls']).toEqual(
      expect.arrayContaining(['GET /echo/{word}', 'grpc.health.v1.Health/Check']),
    );
    expect(lines.at(-1)).toMatchObject({
      msg: 'load ends',
      'REST 200': expect.any(Number),
      'gRPC OK': expect.any(Number),
    });
  },
);

test('load says what is wrong with its settings, and waits for a service that is not there yet', async () => {
  const wrong = startLoad({ LOAD_RATE: 'fast', LOAD_ERROR_RATIO: '2' });
  expect(await once(wrong.child, 'exit')).toEqual([1, null]);
  expect(wrong.output()).toMatch(/LOAD_RATE has to be above 0.*LOAD_ERROR_RATIO has to be from 0 to 1/);
  const early = startLoad({ LOAD_REST_URL: 'http://127.0.0.1:9' });
  await eventually('it says so', () => early.output().includes('does not answer: trying again'), 20_000);
  early.child.kill('SIGTERM');
  expect(await once(early.child, 'exit')).toEqual([0, null]);
});

describe('a sample', () => {
  const maker = new SampleMaker({
    components: {
      schemas: {
        Thing: {
          type: 'object',
          required: ['name', 'currency', 'count', 'parts'],
          properties: {
            name: { type: 'string', pattern: '^[a-z-]{1,20}$' },
            currency: { type: 'string', pattern: '^[A-Z]{3}$' },
            count: { type: ['integer', 'null'], minimum: 5 },
            state: { enum: ['open', 'closed'] },
            parts: {
              type: 'array',
              items: { type: 'object', required: ['sku'], properties: { sku: { const: 'x' } } },
            },
          },
        },
      },
    },
  });

  test('has what is required, and values that fit', () => {
    expect(maker.of({ $ref: '#/components/schemas/Thing' })).toEqual({
      name: 'load-test',
      currency: 'EUR',
      count: 5,
      parts: [{ sku: 'x' }],
    });
    expect(maker.of({ type: 'string', format: 'uuid' })).toMatch(/^[0-9a-f-]{36}$/);
    expect(maker.of({ anyOf: [{ type: 'boolean' }, { type: 'string' }] })).toBe(false);
    expect(maker.of({ type: 'string', minLength: 60 })).toHaveLength(60);
  });

  test('is found by the name of a field, at any depth', () => {
    expect([maker.ofField('sku'), maker.ofField('state'), maker.ofField('unheard')]).toEqual([
      'x',
      'open',
      undefined,
    ]);
  });
});

function startLoad(env: Readonly<Record<string, string>>) {
  const child = spawn('node', [LOAD], {
    env: { PATH: process.env['PATH'], ...env },
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}
