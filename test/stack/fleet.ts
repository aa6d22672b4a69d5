import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HealthCheckRequest, HealthCheckResponse } from '#generated/grpc/health/v1/health';
import { TestAuthority, type TestCertificate } from '../support/certificates.js';
import { DelayingProxy } from '../support/delaying-proxy.js';
import { freePorts } from '../support/free-ports.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { createDatabase } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';
import { TlsFiles } from '../support/tls-files.js';
import { SettingsFile } from './settings-file.js';
import { StoppableServer } from './stoppable-server.js';

const PROGRAM = join(import.meta.dirname, 'fixtures/faulty-service.ts');
const DAY_MS = 86_400_000;
const CALL_EVERY_MS = 100;
/** One call of so many. */
const SELDOM = 30;
const Query = {
  path: '/faulty.v1.FaultyService/Query',
  requestSerialize: (message: HealthCheckRequest) => Buffer.from(HealthCheckRequest.encode(message).finish()),
  responseDeserialize: (bytes: Buffer) => HealthCheckResponse.decode(bytes),
};

type Service = ServiceProcess & AsyncDisposable;
type Env = Readonly<Record<string, string>>;

/** Small services, each for faults that do not disturb each other, with all that they depend on. */
export class Fleet {
  readonly services = new Map<string, Service>();
  readonly #env = new Map<string, Env>();
  readonly #ports = new Map<string, number>();
  /** What services read while they run, by service. */
  readonly settings = {
    calls: new SettingsFile({}),
    slow: new SettingsFile({}),
    guarded: new SettingsFile({}),
  };
  /** The database of `full`, and what else it reads while it runs. */
  fullSettings!: SettingsFile;
  #isOver = false;

  private constructor(
    readonly redis: RedisServer,
    readonly traces: OtlpReceiver,
    /** Between `slow` and its database. */
    readonly network: DelayingProxy,
    /** The database of `calls`. */
    readonly database: string,
    readonly auditFolder: string,
    readonly certificates: TlsFiles,
    readonly goodCertificate: TestCertificate,
    readonly endingCertificate: TestCertificate,
    readonly collector: StoppableServer,
    /** What `guarded` calls. */
    readonly dependency: StoppableServer,
  ) {}

  static async start(postgresUrl: string): Promise<Fleet> {
    const [database, ...others] = await Promise.all([1, 2, 3].map(() => createDatabase(postgresUrl)));
    const network = new DelayingProxy(Number(new URL(postgresUrl).port));
    const authority = await TestAuthority.create();
    const good = await authority.issue({ name: 'service' });
    const ending = await authority.issue({ name: 'service', to: new Date(Date.now() + 5 * DAY_MS) });
    authority.remove();
    const fleet = new Fleet(
      await RedisServer.start(),
      await OtlpReceiver.start(),
      network,
      database ?? '',
      mkdtempSync(join(tmpdir(), 'alerts-audit-')),
      TlsFiles.with(good),
      good,
      ending,
      await StoppableServer.start('otelcol_process_uptime 1\n'),
      await StoppableServer.start('{}'),
    );
    await fleet.#startAll(others, await network.listen());
    return fleet;
  }

  async #startAll([slow = '', full = '']: readonly string[], networkPort: number): Promise<void> {
    const slowUrl = new URL(slow);
    slowUrl.port = String(networkPort);
    this.fullSettings = new SettingsFile({ DATABASE_URL: full });
    const fleet: Record<string, Env> = {
      calls: { DATABASE_URL: this.database, ...this.settings.calls.config },
      slow: {
        ...this.settings.slow.config,
        DATABASE_URL: slowUrl.href,
        REDIS_URL: this.redis.url,
        AUDIT_SINK: 'file',
        AUDIT_DIR: this.auditFolder,
        AUDIT_ON_FAILURE: 'allow',
        OTEL_EXPORTER_OTLP_ENDPOINT: this.traces.httpUrl,
        OTEL_EXPORTER_OTLP_TIMEOUT: '500',
        OTEL_BSP_MAX_QUEUE_SIZE: '50',
        OTEL_BSP_SCHEDULE_DELAY: '200',
      },
      full: {
        HAS_DATABASE: 'true',
        ...this.fullSettings.config,
        DATABASE_POOL_MAX: '2',
        NODE_OPTIONS: '--max-old-space-size=160 --max-semi-space-size=2 --expose-gc',
        ...this.certificates.config,
        TLS_HTTP: 'false',
        TLS_RELOAD_INTERVAL_MS: '500',
      },
      busy: { LOAD_SHEDDING: 'on' },
      restarting: {},
      workers: { WORKERS: '2' },
      guarded: {
        ...this.settings.guarded.config,
        DEPENDENCY_URL: `http://127.0.0.1:${this.dependency.port}/`,
      },
    };
    const ports = await freePorts(Object.keys(fleet).length);
    for (const [index, [name, env]] of Object.entries(fleet).entries()) {
      this.#env.set(name, env);
      this.#ports.set(name, ports[index] ?? 0);
    }
    await Promise.all(Object.keys(fleet).map((name) => this.start(name)));
    for (const name of ['calls', 'slow']) void this.#call(name);
    void this.#callGuarded();
    void this.#callBusy();
    void this.#callLimited();
  }

  /** `host:port` of the management ports, by service. */
  get targets(): [name: string, address: string][] {
    return [...this.#ports].map(([name, port]) => [name, `127.0.0.1:${port}`]);
  }

  get(name: string): Service {
    const service = this.services.get(name);
    if (!service) throw new TypeError(`No service ${name}`);
    return service;
  }

  /** Starts a service, again on its ports after its end. */
  async start(name: string): Promise<void> {
    const service = await startProcess({
      program: PROGRAM,
      env: {
        SERVICE_NAME: name,
        MANAGEMENT_PORT: String(this.#ports.get(name)),
        HEALTH_INTERVAL_MS: '500',
        SHUTDOWN_PROPAGATION_MS: '0',
        ...this.#env.get(name),
      },
    });
    this.services.set(name, service);
    await service.line('service ready', 90_000);
  }

  /** REST and gRPC calls to a service, some a second. Whether they fail is for the alerts to see. */
  async #call(name: string): Promise<void> {
    const ignore = (): void => undefined;
    const service = this.get(name);
    while (!this.#isOver) {
      void service.http.get('/query').catch(ignore);
      void service.grpc.unary(Query, { service: '' }).catch(ignore);
      await sleep(CALL_EVERY_MS);
    }
  }

  /** Now and then one fails: too few for an alert, enough for the figures that alerts are about. */
  async #callGuarded(): Promise<void> {
    const { http } = this.get('guarded');
    for (let turn = 0; !this.#isOver; turn++) {
      const query = turn % SELDOM === 0 ? '?fails=yes' : '';
      for (const path of [`/dependency${query}`, `/retried${query}`, '/noted'])
        void http.get(path).catch(() => undefined);
      await sleep(CALL_EVERY_MS);
    }
  }

  /** Calls every 100 ms of `busy`, each of which works for 20 ms. */
  vitalCalls = 0;

  async #callBusy(): Promise<void> {
    const { http } = this.get('busy');
    while (!this.#isOver) {
      void http.get('/echo').catch(() => undefined);
      for (let call = 0; call < this.vitalCalls; call++) void http.get('/vital').catch(() => undefined);
      await sleep(CALL_EVERY_MS);
    }
  }

  /** Calls a second to the route with a limit of five. */
  limitedRate = 2;

  async #callLimited(): Promise<void> {
    const service = this.get('slow');
    while (!this.#isOver) {
      void service.http.get('/limited').catch(() => undefined);
      void service.http.post('/note').catch(() => undefined);
      await sleep(1000 / this.limitedRate);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const service of this.services.values()) await service.stop('SIGKILL');
    await this.redis.stop();
    await this.traces.stop();
    this.network.close();
    for (const server of [this.collector, this.dependency]) await server.stop().catch(() => undefined);
    for (const file of [...Object.values(this.settings), this.fullSettings]) file.remove();
    this.certificates.remove();
    rmSync(this.auditFolder, { recursive: true, force: true });
  }
}
