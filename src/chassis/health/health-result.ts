import type { HealthCheckResult, HealthCheckStatus, HealthIndicatorResult } from '@nestjs/terminus';

/**
 * A Terminus body from what is known already. By Terminus' rules, but for one: once a shutdown has begun
 * Terminus answers every check with `shutting_down`, also that of a process which is well alive.
 */
export function toHealthResult(
  indicators: readonly HealthIndicatorResult[],
  { isDraining = false } = {},
): HealthCheckResult {
  const details: HealthIndicatorResult = Object.fromEntries(indicators.flatMap(Object.entries));
  const select = (isWanted: (status: string) => boolean): HealthIndicatorResult =>
    Object.fromEntries(Object.entries(details).filter(([, { status }]) => isWanted(status)));
  const info = select((status) => status !== 'down');
  const error = select((status) => status === 'down');
  return { status: isDraining ? 'shutting_down' : statusOf(details), info, error, details };
}

function statusOf(details: HealthIndicatorResult): HealthCheckStatus {
  const statuses = new Set(Object.values(details).map(({ status }) => status));
  if (statuses.has('down')) return 'error';
  return statuses.has('degraded') ? 'degraded' : 'ok';
}
