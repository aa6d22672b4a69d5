import { expect, test } from 'vitest';
import { MetricsRegistry, renderMetricsDocument } from '#chassis/metrics';
import { TLS_METRICS } from '#chassis/tls';
import { WORKERS_METRICS } from '#chassis/workers';
import { TestApp } from '../support/index.js';

test('docs/metrics.md lists every metric of the registry (rewrite it by `npx vitest run -u`)', async () => {
  const app = await TestApp.start();
  try {
    const metrics = [...app.get(MetricsRegistry).describe(), ...WORKERS_METRICS, ...TLS_METRICS];
    const document = renderMetricsDocument(metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
    await expect(document).toMatchFileSnapshot('../../docs/metrics.md');
  } finally {
    await app.stop();
  }
});
