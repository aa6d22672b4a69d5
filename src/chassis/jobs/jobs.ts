import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Config } from '../config/index.js';
import { CallObservers } from '../context/index.js';
import { shuttingDown } from '../errors/index.js';
import { Readiness } from '../health/index.js';
import { OnDrain } from '../lifecycle/index.js';
import { Tracing } from '../tracing/index.js';
import { JobFinder } from './job-finder.js';
import { JobLocks } from './job-locks.js';
import { processLock, type JobLock } from './job-lock.js';
import { JobMetrics } from './job.metrics.js';
import { JobRunner, type LastRun } from './job-runner.js';
import { JobTimer } from './job-timer.js';
import { jobIsRunning, jobLockUnavailable, jobNotFound } from './job-errors.js';

/** An aborted run has this time to give its locks back, in milliseconds. */
const LAST_WORK_MS = 1000;

/** A job as `GET /jobs` shows it. */
export interface JobDescription {
  readonly name: string;
  readonly method: string;
  readonly schedule: string;
  readonly timeoutMs: number;
  readonly isLocked: boolean;
  readonly isRunning: boolean;
  /** `null` while jobs are switched off. */
  readonly nextRunAt: string | null;
  /** `null` before the first one in this process. */
  readonly lastRun: LastRun | null;
}

/** The service's jobs: runs them from the time it is ready until a drain begins. */
@Injectable()
export class Jobs implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(Jobs.name);
  readonly #jobs = new Map<string, { readonly runner: JobRunner; readonly timer: JobTimer }>();
  #lock: JobLock = processLock;
  #isEnabled: boolean;
  #isReady = false;
  #isEnding = false;

  constructor(
    private readonly config: Config,
    private readonly finder: JobFinder,
    private readonly locks: JobLocks,
    private readonly metrics: JobMetrics,
    private readonly tracing: Tracing,
    private readonly readiness: Readiness,
    private readonly observers: CallObservers,
  ) {
    this.#isEnabled = config.get('JOBS_ENABLED') === 'true';
  }

  /** Whether jobs run by themselves. */
  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** What keeps instances apart: `postgres`, `redis`, or `process` when nothing does. */
  get lock(): JobLock['kind'] {
    return this.#lock.kind;
  }

  describe(): JobDescription[] {
    return [...this.#jobs.values()].map(({ runner, timer }) => ({
      name: runner.job.name,
      method: runner.job.method,
      schedule: runner.job.schedule.text,
      timeoutMs: runner.job.timeoutMs,
      isLocked: runner.job.isLocked,
      isRunning: runner.isRunning,
      nextRunAt: timer.nextAt === undefined ? null : new Date(timer.nextAt).toISOString(),
      lastRun: runner.last ?? null,
    }));
  }

  /** Switches the schedules of all jobs on or off; runs that go on are left alone. */
  setEnabled(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    this.#schedule();
  }

  /**
   * Begins a run now, also while schedules are off. Resolves when it has begun.
   * @throws {ServiceError} JOB_NOT_FOUND, JOB_RUNNING, JOB_LOCK_UNAVAILABLE, SHUTTING_DOWN
   */
  async run(name: string): Promise<void> {
    const job = this.#jobs.get(name);
    if (!job) throw jobNotFound();
    if (this.#isEnding) throw shuttingDown();
    const start = await job.runner.start(Date.now());
    if (start === 'away') throw jobLockUnavailable();
    if (start !== 'started') throw jobIsRunning();
  }

  /** @throws {StartError} when a job is declared wrongly or cannot be locked */
  async onApplicationBootstrap(): Promise<void> {
    const definitions = this.finder.find();
    if (definitions.some(({ isLocked }) => isLocked)) this.#lock = await this.locks.choose();
    const { tracing, metrics } = this;
    const { interference } = this.observers;
    for (const definition of definitions) {
      const tools = { config: this.config, lock: this.#lock, tracing, metrics, interference };
      const runner = new JobRunner(definition, tools);
      const timer = new JobTimer(definition.schedule, (dueAt) => void runner.start(dueAt));
      this.#jobs.set(definition.name, { runner, timer });
      metrics.add(definition.name);
    }
    if (definitions.length > 0) this.readiness.onChange((isReady) => isReady && this.#begin());
  }

  @OnDrain('withdraw')
  stopScheduling(): void {
    this.#isEnding = true;
    this.#schedule();
  }

  @OnDrain('calls')
  async finish(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(({ runner }) => runner.idle()));
  }

  async onModuleDestroy(): Promise<void> {
    this.stopScheduling();
    for (const { runner } of this.#jobs.values()) runner.abort(shuttingDown());
    await Promise.race([this.finish(), sleep(LAST_WORK_MS, undefined, { ref: false })]);
  }

  /** Once, when the instance is first ready. */
  #begin(): void {
    if (this.#isReady || this.#isEnding) return;
    this.#isReady = true;
    this.#logger.log(
      { jobs: [...this.#jobs.keys()], lock: this.lock, isEnabled: this.#isEnabled },
      'jobs ready',
    );
    this.#schedule();
    if (!this.#isEnabled) return;
    for (const { runner } of this.#jobs.values()) if (runner.job.runsOnStart) void runner.start(Date.now());
  }

  #schedule(): void {
    const isOn = this.#isReady && this.#isEnabled && !this.#isEnding;
    for (const { timer } of this.#jobs.values()) {
      if (isOn) timer.start();
      else timer.stop();
    }
  }
}
