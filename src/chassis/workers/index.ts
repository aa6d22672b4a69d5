export { becomePrimary, refuseMissingPrimary } from './become-primary.js';
export { changeLimitMs } from './change-limit.js';
export { WorkerLink } from './worker-link.js';
export type { ManagementAnswer, ManagementRequest } from './messages.js';
export { WORKERS_METRICS } from './workers.metrics.js';
