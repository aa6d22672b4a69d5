import { execFileSync } from 'node:child_process';
import { runOn } from '../support/postgres.js';
import { eventually } from '../support/eventually.js';
import type { PrometheusServer } from '../support/prometheus-server.js';
import type { Fleet } from './fleet.js';

const START_MS = 90_000;

const LATE = { kind: 'latency', delayMs: 5, routes: ['/noted'], durationMs: 600_000 };

/** Something that really goes wrong, with the alerts that have to tell of it. */
export interface Fault {
  readonly what: string;
  readonly service: string;
  readonly alerts: readonly string[];
  readonly cause: () => unknown;
  /** It is caused again until the alerts fire. */
  readonly isRepeated?: boolean;
  readonly mend: () => unknown;
}

/** Faults that can be there side by side, for every alert one. */
export function faultsOf(fleet: Fleet, prometheus: PrometheusServer, postgresUrl: string): Fault[] {
  const [slow, full, busy] = [fleet.get('slow'), fleet.get('full'), fleet.get('busy')];
  const guarded = fleet.get('guarded');
  const { settings } = fleet;
  const database = new URL(fleet.database).pathname.slice(1);
  const admit = (isOpen: boolean) =>
    runOn(postgresUrl, `alter database ${database} with allow_connections ${isOpen}`);
  const limitFiles = (bytes: string) =>
    execFileSync('prlimit', ['--pid', String(slow.pid), `--fsize=${bytes}:unlimited`]);
  return [
    {
      what: 'the database takes no connections',
      service: 'calls',
      alerts: [
        'DependencyDown',
        'ServiceNotReady',
        'RestErrorBudgetBurnFast',
        'RestErrorBudgetBurnSlow',
        'GrpcErrorBudgetBurnFast',
        'GrpcErrorBudgetBurnSlow',
      ],
      cause: async () => {
        await admit(false);
        const all = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1';
        await runOn(postgresUrl, all, [database]);
      },
      mend: () => admit(true),
    },
    {
      what: 'the database answers 400 ms late',
      service: 'slow',
      alerts: ['RestLatencyBudgetBurn', 'GrpcLatencyBudgetBurn'],
      cause: () => (fleet.network.delayMs = 400),
      mend: () => (fleet.network.delayMs = 0),
    },
    {
      what: 'a client calls ten times as often',
      service: 'slow',
      alerts: ['RateLimitSurge'],
      cause: () => (fleet.limitedRate = 20),
      mend: () => (fleet.limitedRate = 2),
    },
    {
      what: 'Redis is killed',
      service: 'slow',
      alerts: ['RateLimitStoreAway'],
      cause: () => fleet.redis.kill(),
      mend: () => fleet.redis.start(),
    },
    {
      what: 'the disk takes no more',
      service: 'slow',
      alerts: ['AuditSinkFailing'],
      cause: () => limitFiles('1'),
      mend: () => limitFiles('unlimited'),
    },
    {
      what: 'the collector hangs',
      service: 'slow',
      alerts: ['SpansDropped'],
      cause: () => (fleet.traces.behaviour = 'hang'),
      mend: () => (fleet.traces.behaviour = 'accept'),
    },
    {
      what: 'nobody reads the log',
      service: 'busy',
      alerts: ['LogLinesDropped'],
      cause: async () => {
        busy.holdLog();
        await busy.http.post('/flood/12000');
      },
      mend: () => busy.readLog(),
    },
    {
      what: 'a handler blocks the event loop',
      service: 'busy',
      alerts: ['EventLoopSaturated'],
      cause: () => busy.http.post('/block'),
      mend: () => busy.http.post('/free'),
    },
    {
      what: 'calls need twice the processor',
      service: 'busy',
      alerts: ['LoadShedding', 'CriticalCallsShed'],
      cause: () => (fleet.vitalCalls = 10),
      mend: () => (fleet.vitalCalls = 0),
    },
    {
      what: 'a leak fills the heap',
      service: 'full',
      alerts: ['HeapNearLimit'],
      cause: () => full.http.post('/fill'),
      mend: () => full.http.post('/free'),
    },
    {
      what: 'open transactions hold the pool',
      service: 'full',
      alerts: ['DatabasePoolSaturated'],
      cause: () => full.http.post('/hold'),
      mend: () => full.http.post('/release'),
    },
    {
      what: 'a certificate with five days left',
      service: 'full',
      alerts: ['CertificateExpiring'],
      cause: () => fleet.certificates.write(fleet.endingCertificate),
      mend: () => fleet.certificates.write(fleet.goodCertificate),
    },
    {
      what: 'the process is killed',
      service: 'restarting',
      alerts: ['ServiceDown'],
      cause: () => fleet.get('restarting').stop('SIGKILL'),
      mend: () => fleet.start('restarting'),
    },
    {
      what: 'workers are killed',
      service: 'workers',
      alerts: ['WorkersRestarting'],
      cause: () => killWorkers(fleet),
      mend: () => undefined,
    },
    {
      what: 'the collector is stopped',
      service: 'collector',
      alerts: ['CollectorDown'],
      cause: () => fleet.collector.stop(),
      mend: () => fleet.collector.start(),
    },
    {
      what: 'nobody listens at a dependency',
      service: 'guarded',
      alerts: ['CircuitBreakerOpen', 'FallbackSurge', 'RetryBudgetExhausted'],
      cause: () => fleet.dependency.stop(),
      mend: () => fleet.dependency.start(),
    },
    {
      what: 'some calls are late on purpose',
      service: 'guarded',
      alerts: ['ChaosActive'],
      cause: () => guarded.management.post('/chaos', LATE),
      mend: () => guarded.management.send('/chaos', { method: 'DELETE' }),
    },
    {
      what: 'a middleware throws',
      service: 'guarded',
      alerts: ['MiddlewareFailing'],
      cause: () => guarded.http.post('/middleware/break'),
      mend: () => guarded.http.post('/middleware/mend'),
    },
    {
      what: 'a job throws',
      service: 'guarded',
      alerts: ['JobFailing'],
      cause: () => guarded.http.post('/job/break'),
      mend: () => guarded.http.post('/job/mend'),
    },
    {
      what: 'a setting is no valid one',
      service: 'guarded',
      alerts: ['ConfigRefused'],
      cause: () => settings.guarded.change({ RATE_LIMIT_HEADERS: 'now and then' }),
      mend: () => settings.guarded.mend(),
    },
    {
      what: 'a folder lies where a file of settings was',
      service: 'slow',
      alerts: ['ConfigSourceDown'],
      cause: () => settings.slow.replaceByFolder(),
      mend: () => settings.slow.mend(),
    },
    {
      what: 'a setting is changed that is read at the start',
      service: 'calls',
      alerts: ['ConfigRestartNeeded'],
      cause: () => settings.calls.change({ MAX_JSON_DEPTH: 7 }),
      mend: () => settings.calls.mend(),
    },
    {
      what: 'nobody listens at the new address of the database',
      service: 'full',
      alerts: ['DatabasePoolSwapFailing'],
      cause: () => fleet.fullSettings.change({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }),
      mend: () => fleet.fullSettings.mend(),
    },
    {
      what: 'the process is killed again and again',
      service: 'restarting',
      alerts: ['ServiceRestartLoop'],
      cause: () => restart(fleet, prometheus),
      isRepeated: true,
      mend: () => undefined,
    },
  ];
}

/** Both at once, and the one that comes first in place of them. */
async function killWorkers(fleet: Fleet): Promise<void> {
  const service = fleet.get('workers');
  const ready = () =>
    service.lines.flatMap(({ msg, pid }) => (msg === 'worker ready' && typeof pid === 'number' ? [pid] : []));
  const first = ready();
  for (const pid of first) process.kill(pid, 'SIGKILL');
  await eventually('a worker is replaced', () => ready().length > first.length, START_MS);
  const [replacement] = ready().slice(first.length);
  if (replacement !== undefined) process.kill(replacement, 'SIGKILL');
}

/** Returns when a scrape has seen the new start. */
async function restart(fleet: Fleet, prometheus: PrometheusServer): Promise<void> {
  const startTime = async () => {
    const [sample] = await prometheus.query('process_start_time_seconds{service="restarting"}');
    return sample?.value[1];
  };
  const before = await startTime();
  await fleet.get('restarting').stop('SIGKILL');
  await fleet.start('restarting');
  const isSeen = async () => ![undefined, before].includes(await startTime());
  await eventually('the new start is seen', isSeen, START_MS);
}
