export type { DependencyCheck } from './dependency-check.js';
export { HealthModule } from './health.module.js';
export { HealthService } from './health.service.js';
export { Readiness } from './readiness.js';
