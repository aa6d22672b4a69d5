import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { FeatureRow } from './feature-row.ts';
import { dashboard } from './parts/frame.ts';
import { atAGlance } from './service-overview/at-a-glance.section.ts';
import { errorBudget } from './service-overview/error-budget.section.ts';
import { featureSection } from './service-overview/feature.section.ts';
import { grpc } from './service-overview/grpc.section.ts';
import { rest } from './service-overview/rest.section.ts';

/** Whole without a feature, too. */
export function serviceOverview(features: readonly FeatureRow[]): Dashboard {
  return dashboard({
    uid: 'service-overview',
    title: 'Service overview',
    description: 'Are the callers served? Rate, errors and duration of REST and gRPC, and the error budget.',
    sections: [atAGlance(), errorBudget(), rest(), grpc(), ...features.map((row) => featureSection(row))],
  });
}
