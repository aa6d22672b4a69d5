import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { audit } from './dependencies/audit.section.ts';
import { authentication } from './dependencies/authentication.section.ts';
import { checks } from './dependencies/checks.section.ts';
import { database } from './dependencies/database.section.ts';
import { middlewares } from './dependencies/middlewares.section.ts';
import { outgoing } from './dependencies/outgoing.section.ts';
import { rateLimits } from './dependencies/rate-limits.section.ts';
import { telemetry } from './dependencies/telemetry.section.ts';
import { tls } from './dependencies/tls.section.ts';
import { dashboard } from './parts/frame.ts';

export function dependencies(): Dashboard {
  return dashboard({
    uid: 'dependencies',
    title: 'Dependencies and guards',
    description: 'Is it us or them? Database, Redis, other services, and what refuses calls before they run.',
    sections: [
      checks(),
      database(),
      outgoing(),
      rateLimits(),
      authentication(),
      middlewares(),
      tls(),
      audit(),
      telemetry(),
    ],
  });
}
