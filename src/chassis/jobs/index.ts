export { Job, type JobMethod, type JobOptions } from './job.decorator.js';
export type { LastRun } from './job-runner.js';
export { Jobs, type JobDescription } from './jobs.js';
export { JobsModule } from './jobs.module.js';
