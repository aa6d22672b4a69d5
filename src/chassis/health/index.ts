export { HealthModule } from './health.module.js';
export { HealthService, type DependencyCheck } from './health.service.js';
export { Readiness } from './readiness.js';
