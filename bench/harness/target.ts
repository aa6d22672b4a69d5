import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TargetSpec } from '../targets.ts';
import { BENCH } from './build.ts';
import { AUDIENCE, getRequests, grpcMessages, ISSUER, postRequests, type Callers } from './callers.ts';
import type { Collector, Counts } from './collector.ts';
import { cpuMicroseconds, residentBytes, TARGET_CORE } from './core.ts';
import { GrpcClient } from './grpc-client.ts';
import { HttpClient } from './http-client.ts';
import type { KeyServer } from './key-server.ts';
import type { LoadClient } from './load.ts';
import { answersGrpc, answersHttp } from './probes.ts';

const START_LIMIT_MS = 30_000;
const POLL_MS = 2;

export interface World {
  readonly collector: Collector;
  readonly callers: Callers;
  readonly keys: KeyServer;
}

export type Kind = 'get' | 'post' | 'grpc';

export interface StartOptions {
  /** Reports garbage collections with `--trace-gc`. */
  readonly readsGc?: boolean;
}

let started = 0;

/** One running target. */
export class Target {
  readonly spec: TargetSpec;
  readonly ports: Readonly<Record<'PORT' | 'GRPC_PORT' | 'MANAGEMENT_PORT', number>>;
  /** From the start of the process to its first answer. */
  startMs = 0;
  readonly #process: ChildProcess;
  readonly #world: World;
  readonly #id: string;

  private constructor(
    spec: TargetSpec,
    world: World,
    parts: Pick<Target, 'ports'> & { id: string; process: ChildProcess },
  ) {
    this.spec = spec;
    this.#world = world;
    this.ports = parts.ports;
    this.#id = parts.id;
    this.#process = parts.process;
  }

  /** Resolves with the first good answer. */
  static async start(
    spec: TargetSpec,
    world: World,
    { readsGc = false }: StartOptions = {},
  ): Promise<Target> {
    const id = `${spec.name}-${++started}`;
    const [PORT = 0, GRPC_PORT = 0, MANAGEMENT_PORT = 0] = await freePorts(3);
    const ports = { PORT, GRPC_PORT, MANAGEMENT_PORT };
    const output = await world.collector.openOutput(id, readsGc);
    const begin = performance.now();
    const child = spawnPinned(spec, environmentOf(spec, id, world, ports), output, readsGc);
    closeSync(output);
    const target = new Target(spec, world, { ports, id, process: child });
    await target.#untilAnswer(begin);
    return target;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  cpuMicroseconds(): number {
    return cpuMicroseconds(this.pid);
  }

  residentBytes(): number {
    return residentBytes(this.pid);
  }

  counts(): Promise<Counts> {
    return this.#world.collector.count(this.#id);
  }

  openHttp(kind: 'get' | 'post', connections?: number): Promise<HttpClient> {
    const requests = kind === 'get' ? getRequests(this.#world.callers) : postRequests(this.#world.callers);
    const expectedStatus = kind === 'get' ? 200 : 201;
    return HttpClient.open({
      port: this.ports.PORT,
      requests,
      expectedStatus,
      ...(connections && { connections }),
    });
  }

  async open(kind: Kind): Promise<LoadClient> {
    if (kind !== 'grpc') return this.openHttp(kind);
    return GrpcClient.open({
      port: this.ports.GRPC_PORT,
      path: '/items.v1.ItemService/GetItem',
      messages: grpcMessages(this.#world.callers),
      authorizations: this.#world.callers.tokens.map((token) => `Bearer ${token}`),
    });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await exited;
    clearTimeout(timer);
  }

  async #untilAnswer(begin: number): Promise<void> {
    const token = this.#world.callers.tokens[0] ?? '';
    const isHttp = this.spec.transports.includes('http');
    while (
      !(await (isHttp ? answersHttp(this.ports.PORT, token) : answersGrpc(this.ports.GRPC_PORT, token)))
    ) {
      if (this.#process.exitCode !== null)
        throw new Error(`${this.spec.name} exited ${this.#process.exitCode}`);
      if (performance.now() - begin > START_LIMIT_MS) {
        this.#process.kill('SIGKILL');
        throw new Error(`${this.spec.name} gave no answer in ${START_LIMIT_MS} ms`);
      }
      await sleep(POLL_MS);
    }
    this.startMs = performance.now() - begin;
  }
}

function spawnPinned(
  spec: TargetSpec,
  env: NodeJS.ProcessEnv,
  output: number,
  readsGc: boolean,
): ChildProcess {
  const imports = (spec.imports ?? []).flatMap((file) => ['--import', join(BENCH, file)]);
  // A small young generation shows what was allocated in small steps; it does not change how much.
  const gc = readsGc ? ['--trace-gc', '--max-semi-space-size=2'] : [];
  const command = [
    'taskset',
    '-c',
    String(TARGET_CORE),
    process.execPath,
    ...gc,
    ...imports,
    join(BENCH, spec.program),
  ];
  // Garbage collections are told through stdio, which keeps lines back from a pipe unless told otherwise.
  const [program = '', ...args] = readsGc ? ['stdbuf', '-oL', ...command] : command;
  return spawn(program, args, { env, cwd: BENCH, stdio: ['ignore', output, 'inherit'] });
}

function environmentOf(
  spec: TargetSpec,
  id: string,
  { collector, callers, keys }: World,
  ports: Target['ports'],
): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    PORT: String(ports.PORT),
    GRPC_PORT: String(ports.GRPC_PORT),
    JWT_PUBLIC_KEY: callers.publicKey,
    OTEL_SERVICE_NAME: spec.name,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint(id),
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    // Metrics go by Prometheus and logs by standard output.
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_BSP_SCHEDULE_DELAY: '1000',
    // Nobody may win by dropping spans.
    OTEL_BSP_MAX_QUEUE_SIZE: '65536',
    ...(spec.metricsOn === 'MANAGEMENT_PORT' && {
      APP_ENV: 'production',
      LOG_FORMAT: 'json',
      SERVICE_NAME: spec.name,
      HTTP_PORT: String(ports.PORT),
      MANAGEMENT_PORT: String(ports.MANAGEMENT_PORT),
      DATA_DIR: 'memory://',
      ...(spec.duties.authenticates && {
        AUTH_JWKS_URL: keys.url,
        AUTH_ISSUER: ISSUER,
        AUTH_AUDIENCE: AUDIENCE,
      }),
    }),
    ...spec.env,
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}
