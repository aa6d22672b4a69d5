import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config/index.js';
import type { Call, OpenCalls } from './context/index.js';
import { shuttingDown } from './errors/index.js';
import type { GrpcServer } from './grpc/index.js';
import type { Readiness } from './health/index.js';
import type { HttpAdapter } from './http/index.js';
import { DrainHooks, type HookWatch, type Shutdown, type ShutdownStage } from './lifecycle/index.js';
import { ManagementServer } from './management/index.js';
import { MetricsRegistry } from './metrics/index.js';
import type { Telemetry } from './telemetry.js';

const POLL_MS = 5;
/** Keep-alive connections of a worker whose place is taken have this time for one more call, in milliseconds. */
const HANDOVER_LINGER_MS = 1000;
/** For the answers of calls that are cut, in milliseconds. */
const LAST_ANSWERS_MS = 100;
/** For the connections to close by themselves once they have no call, in milliseconds. */
const LAST_CONNECTIONS_MS = 100;
/** Beyond the exporter's own limit, so that it can say what it drops. */
const TELEMETRY_MARGIN_MS = 500;

/** What the stages of a shutdown work on. */
export interface Running {
  readonly app: NestFastifyApplication;
  readonly config: Config;
  readonly readiness: Readiness;
  readonly grpc: GrpcServer;
  readonly openCalls: OpenCalls;
  readonly hookWatch: HookWatch;
  readonly telemetry: Telemetry;
}

/** The order in which a service ends: see docs/lifecycle.md. */
export function addShutdownStages(shutdown: Shutdown, running: Running): void {
  const durations = running.app.get(MetricsRegistry).gauge({
    name: 'shutdown_duration_seconds',
    help: 'How long each stage of the shutdown took, and all together.',
    labels: ['stage'],
  });
  shutdown.onDuration((stage, seconds) => durations.labels(stage).set(seconds));
  const hooks = running.app.get(DrainHooks);
  shutdown.add(
    ...stagesWhileServing(running, hooks),
    ...stagesOfCalls(running, hooks),
    ...stagesAfterCalls(running),
  );
}

function stagesWhileServing({ config, readiness }: Running, hooks: DrainHooks): ShutdownStage[] {
  return [
    { name: 'readiness', limitMs: Infinity, isSkippedByHandover: true, run: () => readiness.set(false) },
    {
      name: 'withdraw',
      limitMs: config.get('SHUTDOWN_WITHDRAW_MS'),
      run: () => hooks.run('withdraw'),
      pending: () => hooks.running('withdraw'),
    },
    {
      name: 'propagation',
      limitMs: Infinity,
      isSkippedByHandover: true,
      run: () => sleep(config.get('SHUTDOWN_PROPAGATION_MS')),
    },
  ];
}

function stagesOfCalls({ app, config, grpc, openCalls }: Running, hooks: DrainHooks): ShutdownStage[] {
  const http = app.getHttpAdapter() as unknown as HttpAdapter;
  return [
    {
      name: 'accept',
      limitMs: Infinity,
      run: async ({ isHandover }) => {
        void grpc.stopAccepting();
        // Nobody was told that this worker goes: clients send on, until an answer closes their connection.
        await http.stopAccepting(isHandover ? HANDOVER_LINGER_MS : 0);
      },
    },
    {
      name: 'calls',
      limitMs: config.get('SHUTDOWN_GRACE_MS'),
      run: async () => {
        const endStreams = (): void => {
          grpc.endStreams();
          http.endStreams();
        };
        const tellStreams = setTimeout(endStreams, config.get('SHUTDOWN_STREAMS_MS'));
        await Promise.all([untilNone(openCalls), hooks.run('calls')]);
        clearTimeout(tellStreams);
      },
      pending: () => [...[...openCalls].map(nameOf), ...hooks.running('calls')],
      force: async () => {
        for (const call of openCalls) call.abort(shuttingDown());
        await Promise.race([untilNone(openCalls), sleep(LAST_ANSWERS_MS)]);
        http.cutConnections();
        grpc.cutConnections();
      },
    },
  ];
}

function stagesAfterCalls({ app, config, grpc, hookWatch, telemetry }: Running): ShutdownStage[] {
  const http = app.getHttpAdapter() as unknown as HttpAdapter;
  const management = app.get(ManagementServer);
  return [
    {
      name: 'dependencies',
      limitMs: config.get('SHUTDOWN_DEPENDENCIES_MS'),
      run: async () => {
        // Nest waits for every connection, even for one on which a client has never finished its first request.
        await Promise.all([
          http.untilNoConnections(LAST_CONNECTIONS_MS),
          Promise.race([grpc.stopAccepting(), sleep(LAST_CONNECTIONS_MS)]),
        ]);
        http.cutConnections();
        grpc.cutConnections();
        await app.close();
      },
      pending: () => hookWatch.running,
    },
    {
      name: 'telemetry',
      limitMs: config.get('SHUTDOWN_TELEMETRY_MS') + TELEMETRY_MARGIN_MS,
      run: async () => {
        await telemetry.close();
        await management.close();
      },
    },
  ];
}

async function untilNone(calls: OpenCalls): Promise<void> {
  while (calls.size > 0) await sleep(POLL_MS);
}

/** Such as `GET /v1/orders/:id` and `orders.v1.OrderService/WatchOrders`. */
function nameOf(call: Call): string {
  return call.transport === 'http' ? `${call.method} ${call.route}` : call.rpc;
}
