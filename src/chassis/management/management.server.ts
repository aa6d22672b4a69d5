import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { fastify as createFastify, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { AddressInfo } from 'node:net';
import { AuditTrail } from '../audit/index.js';
import { connectionTimes } from '../baseline/index.js';
import { Chaos } from '../chaos/index.js';
import { Config } from '../config/index.js';
import { ServiceError } from '../errors/index.js';
import { HealthService, Readiness } from '../health/index.js';
import { CallObservers } from '../context/index.js';
import {
  acceptOnlyJson,
  answerClientErrors,
  createNotFoundHandler,
  createResponseClass,
  HttpEdge,
} from '../http/index.js';
import { Jobs } from '../jobs/index.js';
import { LoadShedding } from '../load-shedding/index.js';
import { Shutdown } from '../lifecycle/index.js';
import { LiveConfig } from '../live-config/index.js';
import { LogLevels } from '../logging/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import { PipelineControl } from '../middleware/index.js';
import { RateLimits } from '../rate-limit/index.js';
import { PolicyRegistry } from '../resilience/index.js';
import { Tracing } from '../tracing/index.js';
import type { ManagementAnswer, ManagementRequest } from '../workers/index.js';
import { auditChanges } from './audit-changes.js';
import { createAuthorizeChange } from './authorize-change.js';
import { addChaosRoutes } from './chaos.routes.js';
import { addCircuitBreakersRoutes } from './circuit-breakers.routes.js';
import { addConfigRoutes } from './config.routes.js';
import { addDrainRoutes } from './drain.routes.js';
import { addHealthMetrics } from './health.metrics.js';
import { addHealthRoutes } from './health.routes.js';
import { describeService } from './info.js';
import { addJobsRoutes } from './jobs.routes.js';
import { addLoadSheddingRoutes } from './load-shedding.routes.js';
import { addLoggersRoutes } from './loggers.routes.js';
import { addMetricsRoutes } from './metrics.routes.js';
import { addMiddlewaresRoutes } from './middlewares.routes.js';
import { addRateLimitsRoutes } from './rate-limits.routes.js';
import { addTracingRoutes } from './tracing.routes.js';

/** Changes are small, and probes and scrapes few. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 1000;
/** Of the connection, not of the answer. */
const PER_CONNECTION = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);

/**
 * The management port: health and administration, never reachable through the public port. It listens
 * before the service starts, so that probes see the start, and closes after everything else.
 */
@Injectable()
export class ManagementServer implements OnApplicationShutdown {
  readonly #fastify: FastifyInstance;

  constructor(
    private readonly config: Config,
    health: HealthService,
    readiness: Readiness,
    metrics: MetricsRegistry,
    levels: LogLevels,
    tracing: Tracing,
    rateLimits: RateLimits,
    jobs: Jobs,
    chaos: Chaos,
    shedding: LoadShedding,
    pipeline: PipelineControl,
    private readonly shutdown: Shutdown,
    trail: AuditTrail,
    live: LiveConfig,
    policies: PolicyRegistry,
  ) {
    // Probes and scrapes are no calls of the service: nobody counts or traces them.
    const nobody = new CallObservers();
    const edge = new HttpEdge(config, nobody);
    this.#fastify = createServer(config, edge, nobody);
    edge.attach(this.#fastify);
    this.#fastify.server.maxConnections = MAX_CONNECTIONS;
    acceptOnlyJson(this.#fastify, config.get('MAX_JSON_DEPTH'), true);
    const allowed = new WeakSet<FastifyRequest>();
    const authorizeChange = createAuthorizeChange(config, allowed);
    this.#fastify.addHook('onRequest', async (request) => authorizeChange(request));
    auditChanges(this.#fastify, trail, config, allowed);
    this.#fastify.setErrorHandler(edge.answerError);
    /** What there is, by the first part of its path. */
    const paths = new Set<string>();
    this.#fastify.addHook('onRoute', ({ url }) => void paths.add(`/${url.split('/', 2)[1]}`));
    this.#fastify.setNotFoundHandler(createNotFoundHandler(this.#fastify, () => noSuchPath(paths)));
    this.#fastify.get('/info', () => describeService(config, health, rateLimits));
    addConfigRoutes(this.#fastify, config, live);
    addHealthRoutes(this.#fastify, health, readiness);
    addHealthMetrics(metrics, health, readiness);
    addMetricsRoutes(this.#fastify, metrics);
    addLoggersRoutes(this.#fastify, levels);
    addTracingRoutes(this.#fastify, tracing);
    addRateLimitsRoutes(this.#fastify, rateLimits);
    addCircuitBreakersRoutes(this.#fastify, policies);
    addJobsRoutes(this.#fastify, jobs);
    addChaosRoutes(this.#fastify, chaos);
    addLoadSheddingRoutes(this.#fastify, shedding);
    addMiddlewaresRoutes(this.#fastify, pipeline);
    addDrainRoutes(this.#fastify, shutdown);
  }

  /** The port that was bound; 0 before. */
  get port(): number {
    return (this.#fastify.server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** The address the management port listens on. */
  get host(): string {
    return this.config.get('MANAGEMENT_HOST') || this.config.get('HOST');
  }

  async listen(): Promise<void> {
    await this.#fastify.listen({ host: this.host, port: this.config.get('MANAGEMENT_PORT') });
  }

  /** Answers without a port: where several workers serve, the primary has it and hands questions on. */
  async answer({ method, url, headers, body, remoteAddress }: ManagementRequest): Promise<ManagementAnswer> {
    const response = await this.#fastify.inject({
      method: method as 'GET',
      url,
      headers,
      payload: body,
      remoteAddress,
    });
    const answered = Object.entries(response.headers).filter(([name]) => !PER_CONNECTION.has(name));
    return {
      status: response.statusCode,
      headers: Object.fromEntries(answered.map(([name, value]) => [name, String(value)])),
      body: response.body,
    };
  }

  async close(): Promise<void> {
    await this.#fastify.close();
  }

  /** A drain keeps it to the end, for probes and scrapes; an application that is closed without one does not. */
  async onApplicationShutdown(): Promise<void> {
    if (!this.shutdown.hasBegun) await this.close();
  }
}

function createServer(config: Config, edge: HttpEdge, observers: CallObservers): FastifyInstance {
  const times = connectionTimes(config);
  return createFastify({
    ...times,
    bodyLimit: MAX_BODY_BYTES,
    // Names and keys are as long as callers and features make them; no pattern looks at them.
    routerOptions: { maxParamLength: config.get('HTTP_MAX_URL_LENGTH') },
    http: {
      ...times.http,
      maxHeaderSize: config.get('MAX_HEADER_BYTES'),
      requireHostHeader: false,
      ServerResponse: createResponseClass(edge.security),
    },
    forceCloseConnections: true,
    clientErrorHandler: answerClientErrors(observers, edge.security),
    frameworkErrors: edge.answerError,
  });
}

function noSuchPath(paths: ReadonlySet<string>): ServiceError {
  return new ServiceError({
    code: 'NOT_FOUND',
    reason: 'ROUTE_NOT_FOUND',
    message: `The management port serves ${[...paths].join(', ')}`,
  });
}
