import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './parts/frame.ts';
import { bulkheads } from './resilience/bulkheads.section.ts';
import { chaos } from './resilience/chaos.section.ts';
import { circuitBreakers } from './resilience/circuit-breakers.section.ts';
import { fallbacks } from './resilience/fallbacks.section.ts';
import { loadShedding } from './resilience/load-shedding.section.ts';
import { retries } from './resilience/retries.section.ts';

export function resilience(): Dashboard {
  return dashboard({
    uid: 'resilience',
    title: 'Resilience',
    description:
      'What is held off, tried again or answered in another way, because something fails or is too much?',
    sections: [circuitBreakers(), retries(), fallbacks(), bulkheads(), loadShedding(), chaos()],
  });
}
