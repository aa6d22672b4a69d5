import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { DestinationStream, Logger } from 'pino';
import type { z } from 'zod';
import { watchRefusedConnections } from './baseline/index.js';
import { ChassisModule } from './chassis.module.js';
import { ConfigSources, type Config } from './config/index.js';
import { bind, formatAddress } from './errors/index.js';
import {
  captureGrpcLog,
  GrpcServer,
  serveHealth,
  serveReflection,
  watchGrpcConnections,
} from './grpc/index.js';
import { Readiness } from './health/index.js';
import { HttpAdapter, serveOpenApi } from './http/index.js';
import { InstanceDecorator } from './instance-decorator.js';
import { HookWatch, Openings, Shutdown } from './lifecycle/index.js';
import { LoadShedding } from './load-shedding/index.js';
import { createLogging, ServiceLogger, type Logging } from './logging/index.js';
import { ManagementServer } from './management/index.js';
import type { SecretProvider } from './secrets/index.js';
import { serviceKeys } from './service-keys.js';
import { addShutdownStages } from './shutdown-stages.js';
import { MetricsRegistry } from './metrics/index.js';
import { askGuardsAtOnce, SchemaParameters } from './pipeline/index.js';
import { createTelemetry, type Telemetry } from './telemetry.js';
import { openTls, type ServerTls } from './tls/index.js';
import { refuseMissingPrimary } from './workers/index.js';

/** What makes a service: its modules and where its files are. */
export interface ServiceDefinition {
  /** The composition root: imports every feature. */
  readonly module: Type;
  /** The project's folder: holds `config/` and `contracts/`. */
  readonly root: URL;
  /** Configuration keys of the features, beside the chassis' own. */
  readonly config?: z.ZodRawShape;
  /** For encrypted configuration of schemes beside the chassis' own; see docs/secrets.md. */
  readonly secretProviders?: readonly SecretProvider[];
}

export interface StartOptions {
  /** Configuration that wins over everything, for tests and embedding. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Where JSON log lines go, for tests and embedding.
   * @default standard output
   */
  readonly logTo?: DestinationStream;
  /**
   * Number of this worker where several serve: its log lines bear it, and the management port is the primary's.
   * @default none: the process serves alone
   */
  readonly worker?: number;
}

/** A service that answers. */
export interface RunningService {
  readonly app: NestFastifyApplication;
  readonly config: Config;
  readonly logger: Logger;
  /** Addresses as `host:port`. */
  readonly http: string;
  readonly grpc: string;
  /** Of no use in a worker. */
  readonly management: string;
  /** Ends it, stage by stage; see docs/lifecycle.md. */
  readonly shutdown: Shutdown;
  /** Takes no new connection on REST and gRPC; those that are there go on and take new calls. */
  readonly stopListening: () => void;
  /** Ends it; resolves when everything has ended. */
  close(): Promise<void>;
}

/**
 * Starts REST, gRPC and the management port over one container and resolves when all of them answer.
 * @throws {ConfigError} when the configuration is not valid, or whatever kept a part from starting;
 * what had started is closed again
 */
export async function startService(
  service: ServiceDefinition,
  options: StartOptions = {},
): Promise<RunningService> {
  const { config, sources } = await ConfigSources.open({
    env: options.env ?? process.env,
    directory: fileURLToPath(service.root),
    shape: serviceKeys(service),
    ...(service.secretProviders && { secretProviders: service.secretProviders }),
    ...(options.overrides && { overrides: options.overrides }),
  });
  try {
    return await startWith(service, options, config, sources);
  } catch (error) {
    sources.stop();
    throw error;
  }
}

async function startWith(
  service: ServiceDefinition,
  options: StartOptions,
  config: Config,
  sources: ConfigSources,
): Promise<RunningService> {
  if (options.worker === undefined) refuseMissingPrimary(config);
  const tls = await openTls(config);
  const logging = createLogging(config, options.logTo, options.worker);
  const telemetry = createTelemetry(service.module, config, logging.logger);
  const shutdown = new Shutdown({ logger: logging.logger, limitMs: config.get('SHUTDOWN_LIMIT_MS') });
  const hookWatch = new HookWatch();
  const shedding = new LoadShedding(config);
  const parts: Parts = {
    service,
    config,
    sources,
    tls,
    logging,
    telemetry,
    shedding,
    shutdown,
    hookWatch,
  };
  const app = await createApp(parts);
  try {
    tls?.start(app.get(MetricsRegistry));
    return await listen(app, parts, options.worker === undefined);
  } catch (error) {
    await app.close();
    await telemetry.close();
    throw error;
  }
}

/** What is there before the container. */
interface Parts {
  readonly service: ServiceDefinition;
  readonly config: Config;
  readonly sources: ConfigSources;
  readonly tls: ServerTls | undefined;
  readonly logging: Logging;
  readonly telemetry: Telemetry;
  readonly shedding: LoadShedding;
  readonly shutdown: Shutdown;
  readonly hookWatch: HookWatch;
}

/** The application with all its providers, not yet listening. */
async function createApp(parts: Parts): Promise<NestFastifyApplication> {
  const { service, config, sources, tls, logging, telemetry, shedding, shutdown, hookWatch } = parts;
  const openings = new Openings();
  const root = ChassisModule.around(
    service.module,
    { config, sources },
    logging,
    telemetry,
    shedding,
    openings,
    shutdown,
  );
  captureGrpcLog();
  askGuardsAtOnce();
  const instances = new InstanceDecorator((instance) =>
    hookWatch.watch(shedding.declared.read(telemetry.instanceDecorator(instance))),
  );
  try {
    const app = await NestFactory.create<NestFastifyApplication>(
      root,
      new HttpAdapter(config, telemetry.observers, shedding, tls?.serves('http') ? tls : undefined),
      {
        abortOnError: false,
        bodyParser: false,
        logger: ServiceLogger.over(logging.logger),
        instrument: { instanceDecorator: instances.decorate },
      },
    );
    instances.assertAllDecorated();
    return app;
  } catch (error) {
    await openings.close();
    await telemetry.close();
    throw error;
  }
}

async function listen(
  app: NestFastifyApplication,
  parts: Parts,
  hasManagementPort: boolean,
): Promise<RunningService> {
  const { config, logging, telemetry, shutdown, hookWatch } = parts;
  const management = app.get(ManagementServer);
  const readiness = app.get(Readiness);
  const http = app.getHttpAdapter() as unknown as HttpAdapter;
  const host = config.get('HOST');
  if (hasManagementPort) {
    const address = formatAddress(management.host, config.get('MANAGEMENT_PORT'));
    await bind('MANAGEMENT_PORT', address, management.listen());
  }
  const grpc = connectGrpc(app, parts);
  watchRefusedConnections(app.get(MetricsRegistry), { http: http.refused, grpc: grpc.refused });
  await serveOpenApi(app, config);
  await app.init();
  await bind('GRPC_PORT', formatAddress(host, config.get('GRPC_PORT')), app.startAllMicroservices());
  await bind(
    'HTTP_PORT',
    formatAddress(host, config.get('HTTP_PORT')),
    app.listen(config.get('HTTP_PORT'), host),
  );
  const openCalls = telemetry.observers.open;
  addShutdownStages(shutdown, { app, config, readiness, grpc, openCalls, hookWatch, telemetry });
  readiness.set(true);
  return {
    app,
    config,
    logger: logging.logger,
    http: formatAddress(host, (app.getHttpServer().address() as AddressInfo).port),
    grpc: formatAddress(host, grpc.port),
    management: formatAddress(management.host, management.port),
    shutdown,
    stopListening: () => {
      http.stopListening();
      grpc.stopListening();
    },
    close: async () => {
      await shutdown.begin('close');
    },
  };
}

function connectGrpc(app: NestFastifyApplication, parts: Parts): GrpcServer {
  const { service, config, tls, telemetry, shedding } = parts;
  const grpc = new GrpcServer(config, telemetry.observers, shedding, tls?.serves('grpc') ? tls : undefined);
  grpc.auditRefusals(telemetry.auditing.auditor.rpcs);
  grpc.addForeign((server, services) => {
    serveHealth(server, services, app.get(Readiness));
    watchGrpcConnections(server, app.get(MetricsRegistry));
    serveReflection(server, new URL('contracts/descriptors.binpb', service.root), services);
  });
  app.get(SchemaParameters).bind();
  app.connectMicroservice({ strategy: grpc }, { inheritAppConfig: true });
  return grpc;
}
