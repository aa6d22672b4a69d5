import { Module } from '@nestjs/common';
import { expect, inject, test } from 'vitest';
import { DatabaseModule } from '#chassis/database';
import { MetricsRegistry, renderMetricsDocument } from '#chassis/metrics';
import { TLS_METRICS } from '#chassis/tls';
import { WORKERS_METRICS } from '#chassis/workers';
import { TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';

@Module({ imports: [DatabaseModule.forFeature({ name: 'metrics-document', migrations: {} })] })
class WithDatabase {}

test('docs/metrics.md lists every metric of the registry (rewrite it by `npx vitest run -u`)', async () => {
  // The chassis' own metrics are all there, whether or not a feature has a database.
  const config = { DATABASE_URL: await createDatabase(inject('postgresUrl')) };
  const app = await TestApp.start({ imports: [WithDatabase], config });
  try {
    const metrics = [...app.get(MetricsRegistry).describe(), ...WORKERS_METRICS, ...TLS_METRICS];
    const document = renderMetricsDocument(metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
    await expect(document).toMatchFileSnapshot('../../docs/metrics.md');
  } finally {
    await app.stop();
  }
});
