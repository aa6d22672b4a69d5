import type { ManagementAnswer } from './messages.js';
import type { WorkerPool } from './worker-pool.js';

type HealthStatus = 'ok' | 'degraded' | 'error' | 'shutting_down';

interface Indicator {
  readonly status: string;
  readonly message?: string;
}

interface HealthBody {
  readonly status: string;
  readonly info?: Readonly<Record<string, unknown>>;
  readonly error?: Readonly<Record<string, unknown>>;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** `/livez`: the primary answers, and so does one of the workers, unless there is none at the moment. */
export function livenessOf(pool: WorkerPool, answers: readonly ManagementAnswer[]): ManagementAnswer {
  const isLive = pool.serving.length === 0 || answers.some(({ status }) => status === 200);
  return answer(isLive ? 'ok' : 'error', {}, describe(pool, isLive));
}

/**
 * `/readyz`: one ready worker is enough, because it gets every new connection while others are replaced.
 * Before the first generation is complete, and from the begin of the shutdown on, the instance is not ready.
 */
export function readinessOf(pool: WorkerPool, answers: readonly ManagementAnswer[]): ManagementAnswer {
  if (pool.isEnding || !pool.hasStarted) {
    const reason = pool.isEnding ? 'shutting down' : 'starting';
    const own = { ...describe(pool, false), service: { status: 'down', message: reason } };
    return answer(pool.isEnding ? 'shutting_down' : 'error', {}, own);
  }
  const ready = answers.find(({ status }) => status === 200);
  const said = ready ?? answers[0];
  const body: Partial<HealthBody> = said ? (JSON.parse(said.body) as HealthBody) : {};
  if (!ready) return answer('error', body, describe(pool, false));
  return answer(body.status === 'degraded' ? 'degraded' : 'ok', body, describe(pool, true));
}

/** `/startupz`: the first generation was complete once. */
export function startupOf(pool: WorkerPool): ManagementAnswer {
  return answer(pool.hasStarted ? 'ok' : 'error', {}, describe(pool, pool.hasStarted));
}

function describe(pool: WorkerPool, isUp: boolean): Record<string, Indicator> {
  const state = { status: isUp ? 'up' : 'down', ready: pool.serving.length, wanted: pool.wanted };
  return { workers: state };
}

/** The body of Terminus, with what the primary knows among the details. */
function answer(
  status: HealthStatus,
  { info = {}, error = {}, details = {} }: Partial<HealthBody>,
  own: Record<string, Indicator>,
): ManagementAnswer {
  const isUp = status === 'ok' || status === 'degraded';
  const body = {
    status,
    info: isUp ? { ...info, ...own } : info,
    error: isUp ? error : { ...error, ...own },
    details: { ...details, ...own },
  };
  return {
    status: isUp ? 200 : 503,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  };
}
