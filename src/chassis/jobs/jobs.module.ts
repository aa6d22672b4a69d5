import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JobFinder } from './job-finder.js';
import { JobLocks } from './job-locks.js';
import { JobMetrics } from './job.metrics.js';
import { Jobs } from './jobs.js';

/** Runs every method that is marked with `@Job`; features import nothing for it. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [JobFinder, JobLocks, JobMetrics, Jobs],
  exports: [Jobs],
})
export class JobsModule {}
