import type { HealthService, Readiness } from '../health/index.js';
import type { MetricsRegistry } from '../metrics/index.js';

/** Adds `service_ready` and `health_check_up`: what `/readyz` says, for alerts. */
export function addHealthMetrics(
  registry: MetricsRegistry,
  health: HealthService,
  readiness: Readiness,
): void {
  registry.gauge({
    name: 'service_ready',
    help: '1 while the instance wants calls, as /readyz and grpc.health.v1 say; 0 while it does not.',
    collect: (gauge) => gauge.set(Number(readiness.isReady)),
  });
  registry.gauge({
    name: 'health_check_up',
    help: '1 for a dependency whose last health check succeeded, 0 for one whose last check failed.',
    labels: ['check'],
    collect: (gauge) => {
      for (const [name, isUp] of health.checks) gauge.labels(name).set(Number(isUp));
    },
  });
}
