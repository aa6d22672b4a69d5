import { curves } from '../parts/curves.ts';
import { line, type Line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { quantile, rate, select, share, sum } from '../parts/query.ts';

const DECISIONS = 'rate_limit_decisions_total';

/** What the limits let through, and the store that they ask. */
export function rateLimits(): Section {
  return {
    title: 'Rate limits',
    lines: [decisions(), store()],
  };
}

function decisions(): Line {
  return line(
    7,
    curves({
      title: 'Calls allowed and refused',
      description: 'Calls per second by policy and by what became of them.',
      unit: 'cps',
      isStacked: true,
      colors: { allowed$: 'green', refused$: 'red' },
      queries: [{ expr: sum(rate(DECISIONS), 'policy, decision'), legend: '{{policy}} {{decision}}' }],
      links: [runbook('RateLimitSurge')],
    }),
    curves({
      title: 'Refused share',
      description: 'Of the calls that each policy decided. One caller alone, or everybody? The log has who.',
      unit: 'percentunit',
      max: 1,
      queries: [
        {
          expr: share(rate(DECISIONS, 'decision="refused"'), rate(DECISIONS), 'policy'),
          legend: '{{policy}}',
        },
      ],
      links: [runbook('RateLimitSurge')],
    }),
    curves({
      title: 'Store that decides',
      description: 'Instances by store. Fallback: Redis is away, and each instance limits by itself.',
      isStacked: true,
      colors: { '^fallback$': 'red' },
      queries: [{ expr: sum(select('rate_limit_store'), 'store'), legend: '{{store}}' }],
      links: [runbook('RateLimitStoreAway')],
    }),
  );
}

function store(): Line {
  return line(
    7,
    curves({
      title: 'Wait for the store',
      description: 'p50 and p99 of the calls that had to ask Redis; the others waited for nothing.',
      unit: 's',
      queries: [0.5, 0.99].map((q) => ({
        expr: quantile(q, 'rate_limit_wait_seconds'),
        legend: `p${q * 100}`,
      })),
    }),
    curves({
      title: 'Keys remembered',
      description: 'By policy: callers, addresses, tenants.',
      queries: [{ expr: sum(select('rate_limit_buckets'), 'policy'), legend: '{{policy}}' }],
    }),
    curves({
      title: 'Keys forgotten early',
      description: 'Above 0 RATE_LIMIT_MAX_BUCKETS is too small, or somebody invents keys.',
      unit: 'cps',
      queries: [{ expr: sum(rate('rate_limit_evictions_total'), 'policy'), legend: '{{policy}}' }],
    }),
  );
}
