import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApiKey } from '../../src/chassis/auth/api-key.js';
import { buildOnce } from '../support/build.js';
import { TestAuthority } from '../support/certificates.js';
import { eventually, freePort, order, Probes, TestApp, TokenIssuer } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { createDatabase } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';
import { TlsFiles } from '../support/tls-files.js';
import { ObservedModule } from './observed-module.js';
import { SettingsFile } from './settings-file.js';

const PROGRAM = join(import.meta.dirname, '../process/fixtures/echo-service.ts');
/** Long enough for several scrapes of a drain. */
const PROPAGATION_MS = 6000;
const LOAD_PAUSE_MS = 50;
/** How long all is well before the faults, and again after them. */
const [BEFORE_MS, AFTER_MS] = [4000, 3000];
/** Of every hundred-odd calls a second of a route some are refused. */
const POLICIES = JSON.stringify([
  { name: 'everybody', limit: 100_000, by: 'ip' },
  { name: 'tight', routes: ['/probe/query'], limit: 2, by: 'ip' },
]);

/** What has to be scraped before the faults begin: a counter's growth shows against its former value. */
const SEEN_BEFORE = [
  'worker_restarts_total{reason="crash"} == 0',
  'increase(otel_spans_exported_total[1m]) > 0',
];
/** What has to be scraped before the faults end. */
const SEEN = [
  'db_client_connections_pending_requests > 0',
  'rate_limit_store{store="fallback"} == 1',
  'increase(worker_restarts_total{reason="crash"}[1m]) > 0',
  'tls_reloads_total > 0',
  'auth_file_reloads_total > 0',
  'increase(otel_spans_dropped_total[1m]) > 0',
  'config_restart_needed > 0',
];
const SEEN_MS = 60_000;

/** Some calls are late on purpose. */
const LATE = { kind: 'latency', delayMs: 20, routes: ['/probe/*'], percentage: 20, durationMs: 600_000 };
/** Later than the objective allows; REST has such answers by the queries that wait. */
const SLOW = {
  kind: 'latency',
  delayMs: 300,
  rpcs: ['probe.v1.ProbeService/*'],
  percentage: 5,
  durationMs: 600_000,
};

type Line = Readonly<Record<string, unknown>>;

/**
 * A service on all that it can depend on, one with TLS, one with workers and one that comes and goes: instances of one
 * service for Prometheus, under load, with the faults that dashboards are for.
 */
export class ObservedServices implements AsyncDisposable {
  /** The log of the main one. */
  readonly lines: Line[] = [];
  readonly #resources = new AsyncDisposableStack();
  #isLoaded = true;
  #main!: TestApp;
  #secure!: TestApp;
  #issuer!: TokenIssuer;
  #redis!: RedisServer;
  #collector!: OtlpReceiver;
  #authority!: TestAuthority;
  #files!: TlsFiles;
  #keysFile!: string;
  #settings!: SettingsFile;
  #workers!: ServiceProcess;
  #passingPort = 0;

  static async start(postgresUrl: string): Promise<ObservedServices> {
    const services = new ObservedServices();
    await services.#startDependencies();
    await services.#startInstances(await createDatabase(postgresUrl));
    return services;
  }

  /** Management addresses, for Prometheus. */
  get targets(): string[] {
    const { management } = this.#main.service;
    return [
      management,
      this.#secure.service.management,
      this.#workers.address('management'),
      `127.0.0.1:${this.#passingPort}`,
    ];
  }

  /**
   * Calls on both transports, good and bad, while the faults happen; resolves when they have.
   * @param isSeen whether Prometheus finds series by an expression: a fault lasts until it was scraped
   */
  async run(isSeen: (expression: string) => Promise<boolean>): Promise<void> {
    const load = [this.#call(), this.#crowd()];
    await Promise.all([this.#pass(), this.#breakThings(isSeen)]);
    await sleep(AFTER_MS);
    this.#isLoaded = false;
    await Promise.all(load);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLoaded = false;
    await this.#resources.disposeAsync();
  }

  async #startDependencies(): Promise<void> {
    this.#redis = this.#resources.use(await RedisServer.start());
    this.#issuer = await TokenIssuer.start();
    this.#resources.defer(() => this.#issuer.stop());
    this.#collector = await OtlpReceiver.start();
    this.#resources.defer(() => this.#collector.stop());
    this.#authority = this.#resources.adopt(await TestAuthority.create(), (authority) => authority.remove());
    this.#files = this.#resources.adopt(
      TlsFiles.with(await this.#authority.issue({ name: 'first' })),
      (files) => files.remove(),
    );
  }

  async #startInstances(databaseUrl: string): Promise<void> {
    const folder = this.#resources.adopt(mkdtempSync(join(tmpdir(), 'observed-')), (path) =>
      rmSync(path, { recursive: true }),
    );
    this.#keysFile = join(folder, 'keys.yaml');
    this.#writeKeys();
    this.#settings = this.#resources.adopt(new SettingsFile({ DATABASE_URL: databaseUrl }), (file) =>
      file.remove(),
    );
    this.#main = await TestApp.start({
      imports: [ObservedModule],
      logTo: { write: (text) => this.lines.push(JSON.parse(text) as Line) },
      config: {
        LOG_LEVEL: 'info',
        LOG_FORMAT: 'json',
        LOG_CALL_SAMPLE_RATIO: '0.5',
        ...this.#settings.config,
        REDIS_URL: this.#redis.url,
        RATE_LIMIT_POLICIES: POLICIES,
        ...this.#issuer.config,
        AUTH_API_KEYS_FILE: this.#keysFile,
        AUTH_FILES_POLL_MS: '200',
        AUDIT_SINK: 'file',
        AUDIT_DIR: join(folder, 'audit'),
        HEALTH_INTERVAL_MS: '200',
        OTEL_EXPORTER_OTLP_ENDPOINT: this.#collector.httpUrl,
        OTEL_BSP_SCHEDULE_DELAY: '100',
      },
    });
    this.#resources.defer(() => this.#main.stop());
    this.#secure = await TestApp.start({
      imports: [ObservedModule],
      config: { ...this.#files.config, TLS_RELOAD_INTERVAL_MS: '200' },
      tls: { ca: this.#authority.certificate },
    });
    this.#resources.defer(() => this.#secure.stop());
    await buildOnce();
    this.#workers = this.#resources.use(
      await startProcess({ env: { WORKERS: '2', DATABASE_URL: databaseUrl } }),
    );
    await this.#workers.ready();
    this.#passingPort = await freePort();
  }

  /** An instance that starts, drains slowly and starts again at its address. */
  async #pass(): Promise<void> {
    const env = {
      MANAGEMENT_PORT: String(this.#passingPort),
      SHUTDOWN_PROPAGATION_MS: String(PROPAGATION_MS),
      SERVICE_VERSION: '9.9.9',
      SERVICE_COMMIT: 'c0ffee1',
    };
    for (const isLast of [false, true]) {
      const instance = this.#resources.use(await startProcess({ program: PROGRAM, env }));
      await instance.ready();
      await sleep(2000);
      if (!isLast) await instance.stop();
    }
  }

  async #call(): Promise<void> {
    while (this.#isLoaded) {
      await Promise.allSettled([
        ...this.#restCalls(),
        ...this.#grpcCalls(),
        this.#secure.http.get('/probe/echo'),
        // Plain HTTP on the port of TLS: a handshake that fails.
        fetch(`http://${this.#secure.service.http}/`),
      ]);
      await sleep(LOAD_PAUSE_MS);
    }
  }

  /** One call with a place, one that waits for it, one that finds none. */
  async #crowd(): Promise<void> {
    const known = this.#issuer.bearer();
    while (this.#isLoaded)
      await Promise.allSettled([1, 2, 3].map(() => this.#main.http.get('/observed/crowded', known)));
  }

  #restCalls(): Promise<unknown>[] {
    const { http, grpc, management } = this.#main;
    const known = this.#issuer.bearer();
    const other = encodeURIComponent(`${management.url.replace('127.0.0.1', 'localhost')}/livez`);
    const nobody = encodeURIComponent('http://localhost:1/');
    return [
      ...['echo', 'select', 'refuse', 'fail'].map((reason) => http.get(`/probe/${reason}`, known)),
      http.get('/probe/query?word=word', known),
      http.get(`/observed/fetch?url=${other}`, known),
      http.get(`/observed/fetch?url=${nobody}`, known),
      http.get(`/observed/rpc?address=${grpc.address}`, known),
      http.get('/observed/rpc?address=127.0.0.1:1', known),
      http.post('/observed/audited', undefined, known),
      http.get('/observed/shaky?fails=no', known),
      http.get('/observed/shaky?fails=yes', known),
      http.get('/observed/spent', known),
      http.get('/probe/echo', { authorization: 'Bearer none' }),
    ];
  }

  #grpcCalls(): Promise<unknown>[] {
    const { grpc } = this.#main;
    const metadata = this.#issuer.bearer();
    const stream = grpc.serverStream(Probes.serverStream, order('echo'), { metadata });
    return [
      ...['echo', 'select', 'refuse', 'fail'].map((reason) =>
        grpc.unary(Probes.unary, order(reason), { metadata }),
      ),
      stream.forEach(() => undefined),
    ];
  }

  /** What no call of the load does. */
  async #breakThings(isSeen: (expression: string) => Promise<boolean>): Promise<void> {
    for (const fault of [LATE, SLOW]) await this.#main.management.post('/chaos', fault);
    await sleep(BEFORE_MS);
    await untilSeen(SEEN_BEFORE, isSeen);
    this.#collector.behaviour = { status: 400 };
    this.#files.write(await this.#authority.issue({ name: 'second' }));
    this.#writeKeys();
    // One of them takes effect at once, the other at the next start.
    this.#settings.change({ DATABASE_POOL_MAX: 9, MAX_JSON_DEPTH: 7 });
    // What waits now waits for the new pool.
    await untilSeen(['database_pool_swaps_total{result="swapped"} > 0'], isSeen);
    const worker = await this.#workers.line('worker ready');
    process.kill(Number(worker['pid']), 'SIGKILL');
    await this.#redis.kill();
    const enough = new AbortController();
    const waiting = this.#waitLong(enough.signal);
    await untilSeen(SEEN, isSeen);
    enough.abort();
    await waiting;
    await this.#redis.start();
    this.#collector.behaviour = 'accept';
  }

  /** More calls than the pool has connections, each with a slow query; those that waited too long come again. */
  async #waitLong(signal: AbortSignal): Promise<void> {
    const headers = { ...this.#issuer.bearer(), 'x-request-timeout-ms': '30000' };
    const callers = Array.from({ length: 15 }, async () => {
      while (!signal.aborted)
        await this.#main.http.send('/probe/sleep', { headers, signal }).catch(() => sleep(10));
    });
    await Promise.all(callers);
  }

  #writeKeys(): void {
    const { id, sha256 } = createApiKey('nck');
    writeFileSync(this.#keysFile, JSON.stringify({ keys: [{ id, sha256, owner: 'test', scopes: [] }] }));
  }
}

async function untilSeen(
  expressions: readonly string[],
  isSeen: (expression: string) => Promise<boolean>,
): Promise<void> {
  for (const expression of expressions)
    await eventually(`Prometheus finds ${expression}`, () => isSeen(expression), SEEN_MS);
}
