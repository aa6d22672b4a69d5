export { becomePrimary, refuseMissingPrimary, type PrimaryOptions } from './become-primary.js';
export { changeLimitMs } from './change-limit.js';
export { WorkerLink, type WorkerAnswers } from './worker-link.js';
export type {
  DrainOptions,
  ManagementAnswer,
  ManagementRequest,
  PinnedRevision,
  WorkerFault,
  WorkerOrder,
  WorkerReady,
} from './messages.js';
export { WORKERS_METRICS } from './workers.metrics.js';
