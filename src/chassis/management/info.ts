import type { Config } from '../config/index.js';
import type { HealthService } from '../health/index.js';

/** `GET /info`: which build runs here, on what, since when. */
export function describeService(config: Config, health: HealthService) {
  return {
    name: config.get('SERVICE_NAME'),
    version: config.get('SERVICE_VERSION'),
    commit: config.get('SERVICE_COMMIT') || null,
    env: config.get('APP_ENV'),
    node: process.version,
    uptimeSeconds: Math.round(process.uptime()),
    pid: process.pid,
    dependencies: health.dependencies,
  };
}
