import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { rate, select, sum } from '../parts/query.ts';

/** Who is let in. */
export function authentication(): Section {
  return {
    title: 'Authentication and authorisation',
    lines: [
      line(
        7,
        curves({
          title: 'Callers let in and refused',
          description: 'Calls per second by credential and by what became of them; docs/authentication.md.',
          unit: 'cps',
          isStacked: true,
          colors: {
            allowed$: 'green',
            forbidden$: 'orange',
            unauthenticated$: 'yellow',
            unavailable$: 'red',
          },
          queries: [
            {
              expr: sum(rate('auth_decisions_total'), 'scheme, decision'),
              legend: '{{scheme}} {{decision}}',
            },
          ],
        }),
        curves({
          title: "Fetches of the issuer's keys",
          description:
            'By result, counted since the start of each process. Failures do no harm until the known keys are too old.',
          colors: { '^failure$': 'red', '^success$': 'green' },
          queries: [{ expr: sum(select('auth_jwks_refreshes_total'), 'result'), legend: '{{result}}' }],
          noValue: 'no AUTH_JWKS_URL',
        }),
        curves({
          title: 'Tokens remembered',
          description: 'Bearer tokens that need not be verified again.',
          queries: [{ expr: sum(select('auth_cached_tokens'), 'instance'), legend: '{{instance}}' }],
        }),
      ),
    ],
  };
}
