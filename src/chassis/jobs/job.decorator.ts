import 'reflect-metadata';
import type { JobCall } from '../context/index.js';
import { Untraced } from '../tracing/index.js';

const JOB = Symbol('chassis.job');

/** When a job runs and how; exactly one of `cron` and `everyMs` is needed. */
export interface JobOptions {
  /**
   * Stands in logs, metrics and paths of the management port: letters, digits, `.`, `_` and `-`, 100 at most.
   * @default class and method, such as `OrdersCleaner.run`
   */
  readonly name?: string;
  /**
   * Five fields, minute first, or six with seconds before them, or `@daily` and the like. A time that
   * the change to summer time skips runs right after it; one that comes twice runs once.
   */
  readonly cron?: string;
  /** Milliseconds from one run to the next, counted from 1970 on, so that all instances agree: 100 to a day. */
  readonly everyMs?: number;
  /**
   * IANA name of the zone that `cron` is meant in.
   * @default 'UTC'
   */
  readonly timeZone?: string;
  /**
   * Time for one run, in milliseconds, 1 to a day; then its signal aborts.
   * @default 60000
   */
  readonly timeoutMs?: number;
  /**
   * Whether each time that it is due it runs once among all instances, and never twice at once. Without,
   * every instance and every worker runs it, which is for work on their own memory.
   * @default true
   */
  readonly lock?: boolean;
  /**
   * Runs when an instance becomes ready, too.
   * @default false
   */
  readonly runOnStart?: boolean;
}

/** What a job's method is given: the run's signal, its deadline, its request id and when it was due. */
export type JobMethod = (run: JobCall) => Promise<unknown> | void;

/**
 * Runs a provider's method on a schedule. Every run has a call context of its own, a root span named after
 * class and method, a line in the log and its place in `job_runs_total`. What it throws is logged and
 * counted, and ends nothing. The options are checked when the service starts.
 *
 * @example
 * ```ts
 * @Job({ cron: '0 3 * * *', timeZone: 'Europe/Berlin', timeoutMs: 300_000 })
 * async run({ signal }: JobCall): Promise<void> { … }
 * ```
 */
export function Job(options: JobOptions) {
  return <Method extends JobMethod>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    Reflect.defineMetadata(JOB, { ...options }, descriptor.value as object);
    // The run's own span bears this name already.
    Untraced()(target, key, descriptor);
  };
}

/** What a method is marked with, `undefined` when it is no job. */
export function jobOptionsOf(method: object): JobOptions | undefined {
  return Reflect.getMetadata(JOB, method) as JobOptions | undefined;
}
