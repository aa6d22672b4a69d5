import 'reflect-metadata';
import { Module, type Type } from '@nestjs/common';
import type { DestinationStream } from 'pino';
import { inject } from 'vitest';
import { startService, type RunningService, type ServiceDefinition } from '#chassis';
import { service } from '../../src/app.module.js';
import { GrpcTestClient } from './grpc-test-client.js';
import { HttpTestClient } from './http-test-client.js';
import { createDatabase, dropDatabase } from './postgres.js';
import { tlsGrpcClient, TlsTestClient, type TlsTestOptions } from './tls-test-client.js';

export interface TestAppOptions {
  /**
   * The service to start.
   * @default the project's own, `src/app.module.ts`
   */
  readonly service?: ServiceDefinition;
  /** Modules beside the service's own: fixtures with controllers, guards, interceptors … */
  readonly imports?: readonly Type[];
  /** Configuration that differs from `config/test.yaml`; `DATA_DIR: 'memory://'` is the embedded database. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Gets the log's JSON lines; nothing is logged unless `config.LOG_LEVEL` says so. */
  readonly logTo?: DestinationStream;
  /** How the clients speak TLS; the service's side is `config`. @default they speak none */
  readonly tls?: TlsTestOptions;
}

/**
 * A real service for black-box tests: Fastify, gRPC and the management port on free ports, a new database
 * on the run's PostgreSQL server unless `config` names one. The embedded one takes seconds to start.
 *
 * @example
 * ```ts
 * const app = await TestApp.start();
 * const { status, body } = await app.http.post('/v1/orders', { … });
 * const { order } = await app.grpc.unary(OrderServiceService.getOrder, { id });
 * await app.stop();
 * ```
 */
export class TestApp {
  private constructor(
    readonly service: RunningService,
    /** The public REST port. */
    readonly http: HttpTestClient,
    /** The management port. */
    readonly management: HttpTestClient,
    /** The gRPC port. */
    readonly grpc: GrpcTestClient,
    private readonly database: string | undefined,
  ) {}

  static async start(options: TestAppOptions = {}): Promise<TestApp> {
    const definition = options.service ?? service;
    const module = options.imports ? withImports(definition.module, options.imports) : definition.module;
    const database = needsDatabase(options) ? await createDatabase(inject('postgresUrl')) : undefined;
    const running = await startService(
      { ...definition, module },
      {
        env: { APP_ENV: 'test' },
        overrides: { ...(database && { DATABASE_URL: database }), ...options.config },
        ...(options.logTo && { logTo: options.logTo }),
      },
    );
    return new TestApp(
      running,
      options.tls ? new TlsTestClient(running.http, options.tls) : new HttpTestClient(running.http),
      new HttpTestClient(running.management),
      options.tls ? tlsGrpcClient(running.grpc, options.tls) : new GrpcTestClient(running.grpc),
      database,
    );
  }

  /** An instance of the container, such as a service or a repository. */
  get<T>(token: Type<T>): T {
    return this.service.app.get(token, { strict: false });
  }

  async stop(): Promise<void> {
    this.grpc.close();
    if (this.http instanceof TlsTestClient) this.http.close();
    await this.service.close();
    if (this.database !== undefined) await dropDatabase(this.database);
  }
}

/** A service of a test's own has a database only by the modules that it is given, or brings one. */
function needsDatabase({ service: own, imports, config = {} }: TestAppOptions): boolean {
  const isNamed = 'DATABASE_URL' in config || 'DATA_DIR' in config;
  return !isNamed && (own === undefined || imports !== undefined);
}

function withImports(module: Type, imports: readonly Type[]): Type {
  @Module({ imports: [module, ...imports] })
  class TestModule {}
  return TestModule;
}
