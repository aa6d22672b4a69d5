import { z } from 'zod';

/** Scheduled work. */
export const jobsConfigShape = {
  JOBS_ENABLED: z
    .enum(['true', 'false'])
    .default('true')
    .describe('false = this instance starts no job by itself; an operator still may.'),
};
