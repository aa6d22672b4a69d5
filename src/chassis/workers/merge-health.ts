import type { ManagementAnswer } from './messages.js';
import type { WorkerPool } from './worker-pool.js';

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
  return answer(isLive, {}, describe(pool, isLive));
}

/**
 * `/readyz`: one ready worker is enough, because it gets every new connection while others are replaced.
 * Before the first generation is complete, and from the begin of the shutdown on, the instance is not ready.
 */
export function readinessOf(pool: WorkerPool, answers: readonly ManagementAnswer[]): ManagementAnswer {
  if (pool.isEnding || !pool.hasStarted) {
    const reason = pool.isEnding ? 'shutting down' : 'starting';
    return answer(false, {}, { ...describe(pool, false), service: { status: 'down', message: reason } });
  }
  const ready = answers.find(({ status }) => status === 200);
  const said = ready ?? answers[0];
  return answer(
    ready !== undefined,
    said ? (JSON.parse(said.body) as HealthBody) : {},
    describe(pool, ready !== undefined),
  );
}

/** `/startupz`: the first generation was complete once. */
export function startupOf(pool: WorkerPool): ManagementAnswer {
  return answer(pool.hasStarted, {}, describe(pool, pool.hasStarted));
}

function describe(pool: WorkerPool, isUp: boolean): Record<string, Indicator> {
  const state = { status: isUp ? 'up' : 'down', ready: pool.serving.length, wanted: pool.wanted };
  return { workers: state };
}

/** The body of Terminus, with what the primary knows among the details. */
function answer(
  isUp: boolean,
  { info = {}, error = {}, details = {} }: Partial<HealthBody>,
  own: Record<string, Indicator>,
): ManagementAnswer {
  const body = {
    status: isUp ? 'ok' : 'error',
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
