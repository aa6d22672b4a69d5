import { expect, test } from 'vitest';
import { MetricsRegistry, renderMetricsDocument } from '#chassis/metrics';
import { TestApp } from '../support/index.js';

test('docs/metrics.md lists every metric of the registry (rewrite it by `npx vitest run -u`)', async () => {
  const app = await TestApp.start();
  try {
    const document = renderMetricsDocument(app.get(MetricsRegistry).describe());
    await expect(document).toMatchFileSnapshot('../../docs/metrics.md');
  } finally {
    await app.stop();
  }
});
