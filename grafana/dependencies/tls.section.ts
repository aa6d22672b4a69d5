import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { rate, select, sum } from '../parts/query.ts';
import { ranking } from '../parts/ranking.ts';

/** Connections before they bear a call. */
export function tls(): Section {
  return {
    title: 'Connections and TLS',
    lines: [
      line(
        7,
        curves({
          title: 'TLS handshakes',
          description: 'Per second by protocol and result; each failure has its reason as the result.',
          unit: 'cps',
          colors: { ok$: 'green' },
          queries: [
            {
              expr: sum(rate('tls_handshakes_total'), 'protocol, alpn, result'),
              legend: '{{protocol}} {{alpn}} {{result}}',
            },
          ],
          noValue: 'no TLS_CERT_FILE',
        }),
        ranking({
          title: 'Certificates',
          description: 'How long the certificates in use are still good.',
          unit: 's',
          expr: `min by (instance, file) (${select('tls_certificate_expiry_timestamp_seconds')} - time())`,
          columns: { instance: 'Instance', file: 'File' },
          value: 'Good for',
          links: [runbook('CertificateExpiring')],
          noValue: 'no TLS_CERT_FILE',
        }),
        curves({
          title: 'Connections refused',
          description:
            'Connections per second that were closed because there were too many, or for resets of streams.',
          unit: 'cps',
          queries: [
            {
              expr: sum(rate('connections_refused_total'), 'transport, reason'),
              legend: '{{transport}} {{reason}}',
            },
          ],
        }),
      ),
    ],
  };
}
