import { Injectable } from '@nestjs/common';
import type { Span } from '@opentelemetry/api';
import { MetricsRegistry } from '../metrics/index.js';
import type { JobResult } from './job-runner.js';

/** Jobs take longer than calls; in seconds. */
const BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];

/** The label is `name`: a label `job` would clash with the one that Prometheus gives each target. */
@Injectable()
export class JobMetrics {
  private readonly runs;
  private readonly durations;
  private readonly lastSuccess;

  constructor(metrics: MetricsRegistry) {
    this.runs = metrics.counter({
      name: 'job_runs_total',
      help: 'Runs of jobs by result; skipped ones were due and did not begin, because an earlier run went on or the lock could not be asked.',
      labels: ['name', 'result'],
    });
    this.durations = metrics.histogram({
      name: 'job_duration_seconds',
      help: 'Time that runs of jobs took.',
      labels: ['name'],
      buckets: BUCKETS,
    });
    this.lastSuccess = metrics.gauge({
      name: 'job_last_success_timestamp_seconds',
      help: 'When a run of the job last succeeded in this process, in seconds since 1970.',
      labels: ['name'],
    });
  }

  /** Lists a job from the start: a rate needs its 0. */
  add(name: string): void {
    for (const result of ['success', 'failure', 'timeout', 'skipped'] as const)
      this.runs.labels(name, result);
  }

  skipped(name: string): void {
    this.runs.labels(name, 'skipped').inc();
  }

  ended(name: string, result: JobResult, durationMs: number, span: Span | undefined): void {
    this.runs.labels(name, result).inc();
    this.durations.labels(name).observe(durationMs / 1000, span);
    if (result === 'success') this.lastSuccess.labels(name).set(Date.now() / 1000);
  }
}
