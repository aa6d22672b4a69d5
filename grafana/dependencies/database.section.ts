import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { rate, select, sum } from '../parts/query.ts';
import { SPANS, traces } from '../parts/trace-panels.ts';

const CONNECTIONS = 'db_client_connections';

/** The stores of the service. */
export function database(): Section {
  return {
    title: 'Database and Redis',
    lines: [
      line(
        8,
        curves({
          title: 'Database: connections',
          description: 'Used ones run a query or a transaction. A pool without idle ones makes calls wait.',
          isStacked: true,
          queries: [{ expr: sum(select(CONNECTIONS), 'pool, state'), legend: '{{pool}} {{state}}' }],
          links: [runbook('DatabasePoolSaturated')],
        }),
        curves({
          title: 'Database: open connections in use',
          description:
            'Share of the open connections that work. At 1 for minutes: slow queries, open transactions, or DATABASE_POOL_MAX too small.',
          unit: 'percentunit',
          max: 1,
          thresholds: { warning: 0.8, bad: 0.95 },
          queries: [
            {
              expr: `${sum(select(CONNECTIONS, 'state="used"'), 'instance')} / ${sum(select(CONNECTIONS), 'instance')}`,
              legend: '{{instance}}',
            },
          ],
          links: [runbook('DatabasePoolSaturated')],
        }),
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
          colors: { '^success$|^ok$': 'green', '^(error|failure|timeout|unavailable)$': 'red' },
          queries: [{ expr: sum(rate('redis_client_commands_total'), 'result'), legend: '{{result}}' }],
          links: [runbook('RateLimitStoreAway')],
          noValue: 'no REDIS_URL',
        }),
      ),
    ],
  };
}
