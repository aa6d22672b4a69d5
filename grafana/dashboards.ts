import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dependencies } from './dependencies.dashboard.ts';
import { explore } from './explore.dashboard.ts';
import type { FeatureRow } from './feature-row.ts';
import { lifecycle } from './lifecycle.dashboard.ts';
import { resilience } from './resilience.dashboard.ts';
import { runtime } from './runtime.dashboard.ts';
import { serviceOverview } from './service-overview.dashboard.ts';

/** Every dashboard; a new one is one line here. */
export function buildDashboards(features: readonly FeatureRow[]): Dashboard[] {
  return [serviceOverview(features), runtime(), dependencies(), resilience(), lifecycle(), explore()];
}
