import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { changes } from './lifecycle/changes.section.ts';
import { configuration } from './lifecycle/configuration.section.ts';
import { drains } from './lifecycle/drains.section.ts';
import { jobs } from './lifecycle/jobs.section.ts';
import { versions } from './lifecycle/versions.section.ts';
import { dashboard } from './parts/frame.ts';

export function lifecycle(): Dashboard {
  return dashboard({
    uid: 'lifecycle',
    title: 'Lifecycle and deploys',
    description:
      'What changed? Versions and how each serves, readiness, drains, restarts, configuration, files read again, jobs.',
    sections: [versions(), drains(), configuration(), changes(), jobs()],
  });
}
