import { curves } from '../parts/curves.ts';
import { line, type Line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { rate, select, sum } from '../parts/query.ts';
import { SPANS, traces } from '../parts/trace-panels.ts';

const CONNECTIONS = 'db_client_connections';

/** The stores of the service. */
export function database(): Section {
  return {
    title: 'Database and Redis',
    lines: [connections(), stores()],
  };
}

function connections(): Line {
  return line(
    7,
    curves({
      title: 'Database: connections',
      description: 'Used ones run a query or a transaction. A pool without idle ones makes calls wait.',
      isStacked: true,
      queries: [{ expr: sum(select(CONNECTIONS), 'pool, state'), legend: '{{pool}} {{state}}' }],
      links: [runbook('DatabasePoolSaturated')],
    }),
    curves({
      title: 'Database: use of the pool',
      description:
        'Share of DATABASE_POOL_MAX that is in use. At 1 for minutes: slow queries, open transactions, or too small a pool.',
      unit: 'percentunit',
      max: 1,
      thresholds: { warning: 0.8, bad: 0.95 },
      queries: [
        {
          expr: `${sum(select(CONNECTIONS, 'state="used"'), 'instance')} / ${sum(select(`${CONNECTIONS}_max`), 'instance')}`,
          legend: '{{instance}}',
        },
      ],
      links: [runbook('DatabasePoolSaturated')],
    }),
    curves({
      title: 'Database: waiting for a connection',
      description:
        'Queries and transactions that wait because all connections are in use: their calls are slow.',
      queries: [{ expr: sum(select(`${CONNECTIONS}_pending_requests`), 'instance'), legend: '{{instance}}' }],
      links: [runbook('DatabasePoolSaturated')],
    }),
  );
}

function stores(): Line {
  return line(
    7,
    traces({
      title: 'Database: long queries',
      description: 'Statements of more than 50 ms, with the calls that ran them.',
      query: `{ ${SPANS} && span.db.system.name != nil && duration > 50ms }`,
    }),
    curves({
      title: 'Redis: commands',
      description:
        'Commands per second by result. Unavailable ones were not sent: Redis was known to be away.',
      unit: 'cps',
      isStacked: true,
      colors: { '^ok$': 'green', '^(?!ok$)': 'red' },
      queries: [{ expr: sum(rate('redis_client_commands_total'), 'result'), legend: '{{result}}' }],
      links: [runbook('RateLimitStoreAway')],
      noValue: 'no REDIS_URL',
    }),
    curves({
      title: 'Database: swaps of the pool',
      description:
        'New pools for changed settings, since the start of each process. Without success the former one stays.',
      colors: { '^swapped$': 'green', '^(?!swapped)': 'red' },
      queries: [{ expr: sum(select('database_pool_swaps_total'), 'result'), legend: '{{result}}' }],
      links: [runbook('DatabasePoolSwapFailing')],
    }),
  );
}
