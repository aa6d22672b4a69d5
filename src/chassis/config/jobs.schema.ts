import { flag } from './fields.js';

/** Scheduled work. */
export const jobsConfigShape = {
  JOBS_ENABLED: flag('true').describe(
    'false = this instance starts no job by itself; an operator still may.',
  ),
};
