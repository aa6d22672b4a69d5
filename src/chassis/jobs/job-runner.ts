import { Logger } from '@nestjs/common';
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Config } from '../config/index.js';
import { acceptRequestId, JobCall, runInCall, type Interference } from '../context/index.js';
import { deadlineExceeded } from '../errors/index.js';
import { failSpan, type Tracing } from '../tracing/index.js';
import { failureOf, spanOf } from './job-span.js';
import type { JobDefinition } from './job-finder.js';
import type { Claim, JobClaim, JobLock } from './job-lock.js';
import type { JobMetrics } from './job.metrics.js';

/** An aborted run has this time to return before another instance may begin one, in milliseconds. */
const LEASE_MARGIN_MS = 10_000;
/** A lease may be that old when its run begins, in milliseconds: what is left of the margin is for the end of the run. */
const CLAIM_LIMIT_MS = LEASE_MARGIN_MS / 2;
/** Timers run ahead of the clock by this much at most. */
const TIMER_JITTER_MS = 5;
const logger = new Logger('Jobs');

export type JobResult = 'success' | 'failure' | 'timeout';

/** What became of starting a run; `running` and `away` are the process's own word. */
export type Start = 'started' | 'running' | 'away' | Exclude<Claim, 'acquired'>;

/** The last run of a job in this process. */
export interface LastRun {
  readonly startedAt: string;
  readonly result: JobResult;
  readonly durationMs: number;
  readonly requestId: string;
  readonly traceId: string | undefined;
}

export interface RunnerTools {
  readonly config: Config;
  readonly lock: JobLock;
  readonly tracing: Tracing;
  readonly metrics: JobMetrics;
  /** What is done to the work of runs on purpose. */
  readonly interference: Interference;
}

/** Runs one job, once at a time. */
export class JobRunner {
  /** Runs and locks belong to no call, least of all to the one that an operator asked with. */
  readonly #outsideCalls = AsyncLocalStorage.snapshot();
  #run: JobCall | undefined;
  #ended: Promise<void> | undefined;
  #last: LastRun | undefined;

  constructor(
    readonly job: JobDefinition,
    private readonly tools: RunnerTools,
  ) {}

  get last(): LastRun | undefined {
    return this.#last;
  }

  get isRunning(): boolean {
    return this.#ended !== undefined;
  }

  /** Resolves when no run goes on. */
  async idle(): Promise<void> {
    await this.#ended;
  }

  /** Aborts the run that goes on. */
  abort(reason: Error): void {
    this.#run?.abort(reason);
  }

  /**
   * Begins a run, unless one goes on here or, where the job is locked, elsewhere. Never rejects.
   * @param dueAt in epoch milliseconds
   */
  start(dueAt: number): Promise<Start> {
    return this.#outsideCalls(() => this.#start(dueAt));
  }

  async #start(dueAt: number): Promise<Start> {
    if (this.isRunning) return this.#skip('running', 'the run before it goes on');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise.finally(() => (this.#ended = undefined));
    const { name, timeoutMs } = this.job;
    const claim = { job: name, dueAt, token: randomUUID(), leaseMs: timeoutMs + LEASE_MARGIN_MS };
    const start = await this.#claim(claim);
    if (start === 'started') void this.#runAndRelease(claim).then(resolve);
    else resolve();
    return start;
  }

  async #claim(claim: JobClaim): Promise<Start> {
    if (!this.job.isLocked) return 'started';
    try {
      const answer = await this.#ask(claim);
      if (answer === 'acquired') return 'started';
      return answer === 'busy' ? this.#skip('busy', 'another instance still runs it') : answer;
    } catch (error) {
      const start = this.#skip('away', `the lock could not be asked: ${(error as Error).message}`);
      // The store may have granted it all the same: no instance would run the job before the lease is over. What cannot
      // be asked may not hear of this either.
      await this.tools.lock.release(claim).catch(() => undefined);
      return start;
    }
  }

  /** @throws when the answer comes so late that the run might outlive its lease, also because this process stood still */
  async #ask(claim: JobClaim): Promise<Claim> {
    const askedAt = performance.now();
    const answer = await this.tools.lock.claim(claim);
    const tookMs = Math.round(performance.now() - askedAt);
    if (tookMs > CLAIM_LIMIT_MS)
      throw new Error(`no answer within ${CLAIM_LIMIT_MS} ms, but after ${tookMs} ms`);
    return answer;
  }

  #skip<Reason extends Start>(reason: Reason, cause: string): Reason {
    this.tools.metrics.skipped(this.job.name);
    logger.warn({ job: this.job.name, result: 'skipped', cause }, 'job');
    return reason;
  }

  async #runAndRelease(claim: JobClaim): Promise<void> {
    await this.#execute(new Date(claim.dueAt));
    if (!this.job.isLocked) return;
    await this.tools.lock.release(claim).catch((error: unknown) => {
      logger.warn(
        { job: claim.job, err: error },
        'lock of a job could not be released; it ends with its lease',
      );
    });
  }

  /** A run that ignores its signal has its result when it is aborted, and is not over before it returns. */
  async #execute(scheduledAt: Date): Promise<void> {
    const { name, method, timeoutMs, work } = this.job;
    const run = new JobCall(acceptRequestId(undefined), name, scheduledAt);
    run.interference = this.tools.interference;
    run.settings = this.tools.config.settings;
    run.span = spanOf(this.tools.tracing.tracer, method, run);
    this.#run = run;
    run.expireAfter(timeoutMs, deadlineExceeded);
    const aborted = new Promise<never>((_resolve, reject) => run.whenAborted(reject));
    const working = runInCall(run, async () => work(run));
    const error = await Promise.race([working, aborted]).then(() => undefined, failureOf);
    this.#close(run, error);
    // Its end is awaited, its result is known.
    await working.catch(() => undefined);
    this.#run = undefined;
  }

  #close(run: JobCall, failure: Error | undefined): void {
    run.close();
    const result = resultOf(run, failure);
    const { job, durationMs, requestId, span } = run;
    const startedAt = new Date(run.startMs).toISOString();
    const traceId = span?.spanContext().traceId;
    this.#last = { startedAt, result, durationMs: toMicroseconds(durationMs), requestId, traceId };
    this.tools.metrics.ended(job, result, durationMs, span);
    runInCall(run, () => tell(run, result, failure));
    if (span && failure) failSpan(span, failure);
    else span?.end();
  }
}

/** Milliseconds, to the microsecond. */
function toMicroseconds(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}

function resultOf(run: JobCall, failure: Error | undefined): JobResult {
  if (!failure) return 'success';
  const isLate = failure === run.abortReason && run.remainingMs <= TIMER_JITTER_MS;
  return isLate ? 'timeout' : 'failure';
}

function tell(
  { job, durationMs, scheduledAt, chaos }: JobCall,
  result: JobResult,
  failure: Error | undefined,
): void {
  const fields = {
    job,
    result,
    latency_ms: toMicroseconds(durationMs),
    scheduled_at: scheduledAt.toISOString(),
    ...(chaos !== undefined && { chaos }),
  };
  if (result === 'success') logger.log(fields, 'job');
  else if (result === 'timeout') logger.warn(fields, 'job');
  else logger.error({ ...fields, err: failure }, 'job');
}
