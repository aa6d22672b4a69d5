import type { ServerOptions } from 'node:http';
import { performance } from 'node:perf_hooks';
import { connectionTimes, SecurityHeaders } from '../baseline/primary.js';
import type { Config } from '../config/index.js';
import { bind, formatAddress, whyOf } from '../errors/primary.js';
import type { Logging } from '../logging/primary.js';
import type { MetricSnapshot } from '../metrics/primary.js';
import { HandedConnections } from './handed-connections.js';
import { relayLines } from './log-relay.js';
import { addToPast } from './merge-metrics.js';
import type { WorkerOrder } from './messages.js';
import { PrimaryManagement } from './primary-management.js';
import { SettledPorts } from './settled-ports.js';
import { toStartError, WorkerPool, type Plan } from './worker-pool.js';
import { WorkerProcess } from './worker-process.js';
import { describeWorkers } from './workers.metrics.js';

interface PrimaryDependencies {
  readonly config: Config;
  readonly logging: Logging;
  /** The configuration as it is on disk now. @throws {ConfigError} */
  readonly read: () => Promise<Config>;
  readonly countWorkers: (config: Config) => number;
}

/** The process that holds the sockets and minds the workers. */
export class Primary {
  readonly #pool: WorkerPool;
  readonly #management: PrimaryManagement;
  readonly #ports = new SettledPorts();
  readonly #handed = new HandedConnections();
  #past: readonly MetricSnapshot[] = [];
  #isRestarting = false;
  #wantsRestart = false;
  /** Counts rolling restarts: which workers are older than the one that goes on. */
  #generation = 0;
  /** What workers asked for that the restart which goes on is for. */
  #wanted: string | undefined;
  /** What the old workers have asked for since the restart began, if it is something else. */
  #correction: string | undefined;

  constructor(private readonly dependencies: PrimaryDependencies) {
    const { logger } = dependencies.logging;
    this.#pool = new WorkerPool({
      logger,
      fork: (order) => this.#fork(order),
      onEnd: ({ metrics }) => (this.#past = addToPast(this.#past, metrics)),
      onReplacement: (worker) => this.#management.settle(worker),
      onCrashLoop: (reason) => {
        logger.fatal(
          { reason },
          'workers crash again and again; the service ends: correct the cause and start it',
        );
        void this.#end('crash loop', 1);
      },
    });
    this.#management = new PrimaryManagement(this.#pool, {
      security: new SecurityHeaders(dependencies.config),
      limits: limitsOf(dependencies.config),
      onDrain: () => void this.#end('POST /drain', 0),
      past: () => this.#past,
      own: () => describeWorkers(this.#pool, dependencies.logging.dropped()),
    });
  }

  /** Resolves when the workers serve, or the start has failed and the process is about to end. */
  async run(): Promise<void> {
    const { config, logging } = this.dependencies;
    const host = config.get('MANAGEMENT_HOST') || config.get('HOST');
    this.#listenToSignals();
    try {
      const at = (port: number) => formatAddress(host, port);
      const port = config.get('MANAGEMENT_PORT');
      // Before the workers start, so that probes see the start.
      await bind('MANAGEMENT_PORT', at(port), this.#management.listen(host, port));
      const ready = await this.#pool.roll(this.#plan(config));
      if (!ready) return;
      const { http, grpc } = ready;
      logging.logger.info({ http, grpc, management: at(this.#management.port) }, 'service ready');
      // Asked for while they started.
      if (this.#wantsRestart && !this.#isRestarting) void this.#restart();
    } catch (error) {
      if (this.#pool.isEnding) return;
      const fault = toStartError(error);
      const isExpected = fault instanceof Error && fault.name === 'StartError';
      const reason = whyOf(fault);
      logging.logger.fatal(isExpected ? {} : { err: fault }, `service did not start: ${reason}`);
      process.exit(1);
    }
  }

  #plan(config: Config): Plan {
    return { workers: this.dependencies.countWorkers(config), overrides: this.#ports.settle(config) };
  }

  #fork(order: WorkerOrder): WorkerProcess {
    const generation = this.#generation;
    const worker = new WorkerProcess(order, this.#handed, (wanted) =>
      this.#onRestartNeeded(generation, wanted),
    );
    const { json } = this.dependencies.logging;
    relayLines(worker.output, (bytes) => {
      if (json) json.writeLine({ bytes, length: bytes.length });
      else process.stdout.write(bytes);
    });
    return worker;
  }

  #listenToSignals(): void {
    process.on('SIGTERM', () => void this.#end('SIGTERM', 0));
    process.on('SIGINT', () => void this.#end('SIGINT', 0));
    process.on('SIGQUIT', () => this.#quit());
    process.on('SIGHUP', () => {
      for (const worker of this.#pool.workers) worker.reload();
    });
    process.on('SIGUSR2', () => {
      this.#wantsRestart = true;
      if (!this.#isRestarting) void this.#restart();
    });
  }

  /**
   * Every worker tells. What an old one tells during a restart the new ones have read, or tell themselves; it counts
   * only if they cannot start, and is another change then than the one that they could not start with.
   */
  #onRestartNeeded(generation: number, wanted: string): void {
    if (this.dependencies.config.get('CONFIG_RESTART') !== 'rolling') return;
    if (this.#isRestarting && generation < this.#generation) {
      if (wanted !== this.#wanted) this.#correction = wanted;
      return;
    }
    this.#wanted = wanted;
    this.#wantsRestart = true;
    if (!this.#isRestarting) void this.#restart();
  }

  /** As often as it was asked for meanwhile: what is on disk may have changed again. */
  async #restart(): Promise<void> {
    const { logger } = this.dependencies.logging;
    this.#isRestarting = true;
    while (this.#wantsRestart && this.#pool.hasStarted && !this.#pool.isEnding) {
      this.#wantsRestart = false;
      this.#correction = undefined;
      this.#generation += 1;
      const begin = performance.now();
      logger.info('rolling restart');
      try {
        const plan = this.#plan(await this.dependencies.read());
        if (!(await this.#pool.roll(plan, () => this.#management.forgetSettings()))) break;
        logger.info({ duration_ms: Math.round(performance.now() - begin) }, 'rolling restart done');
      } catch (error) {
        const reason = whyOf(error);
        logger.error(`rolling restart failed, the old workers go on: ${reason}`);
        if (this.#correction === undefined) continue;
        this.#wanted = this.#correction;
        this.#wantsRestart = true;
      }
    }
    this.#isRestarting = false;
    this.#wanted = undefined;
  }

  async #end(cause: string, exitCode: number): Promise<void> {
    const { logger } = this.dependencies.logging;
    if (this.#pool.isEnding) {
      this.#pool.kill();
      logger.fatal({ cause }, 'shutdown forced');
      process.exit(1);
    }
    const begin = performance.now();
    logger.info({ cause }, 'shutting down');
    const isClean = await this.#pool.end({ propagate: true });
    this.#management.close();
    const duration_ms = Math.round(performance.now() - begin);
    if (isClean) logger.info({ duration_ms }, 'shut down');
    else logger.fatal({ duration_ms }, 'shut down; a worker had to be forced');
    process.exit(isClean ? exitCode : 1);
  }

  #quit(): void {
    this.#pool.kill();
    process.exit(1);
  }
}

/** As those of every other HTTP port. */
function limitsOf(config: Config): ServerOptions {
  const { http, keepAliveTimeout } = connectionTimes(config);
  // Node answers a missing Host header with an empty 400; the primary does it with a problem.
  return {
    ...http,
    keepAliveTimeout,
    maxHeaderSize: config.get('MAX_HEADER_BYTES'),
    requireHostHeader: false,
  };
}
