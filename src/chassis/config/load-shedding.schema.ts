import { z } from 'zod';
import { fromText, httpMethods, patterns } from './call-patterns.js';
import { durationMs, integer, live, ratio } from './fields.js';

const ConfiguredPriority = z.strictObject({
  priority: z.enum(['critical', 'default', 'sheddable'], { error: 'must be critical, default or sheddable' }),
  routes: patterns('/v1/orders/*'),
  methods: httpMethods(),
  rpcs: patterns('orders.v1.OrderService/*'),
});

const Priorities = z
  .array(ConfiguredPriority, { error: 'must be a list of priorities; in the environment, as JSON' })
  .superRefine((entries, context) => {
    for (const [index, { routes, methods, rpcs }] of entries.entries())
      if (methods && !routes && rpcs)
        context.addIssue({
          code: 'custom',
          path: [index, 'methods'],
          message: 'is for routes; add them, or leave it out',
        });
  });

/** An entry of LOAD_SHEDDING_PRIORITIES, validated. */
export type ConfiguredPriority = z.output<typeof ConfiguredPriority>;

/** What is refused when more comes than can be done; docs/load-shedding.md says how to choose. */
export const loadSheddingConfigShape = {
  LOAD_SHEDDING: live(
    z
      .enum(['on', 'observe', 'off'])
      .default('on')
      .describe('Calls beyond what can be done are refused at once; observe = only counted.'),
  ),
  LOAD_SHEDDING_DELAY_MS: live(
    durationMs().default(20).describe('Under overload a call may wait so long for the event loop.'),
  ),
  LOAD_SHEDDING_CPU_RATIO: live(
    ratio()
      .default(0.9)
      .describe('From this share of the CPU quota on, without one of all cores, the CPU is saturated.'),
  ),
  LOAD_SHEDDING_MIN_IN_FLIGHT: live(
    integer(1, 1_000_000)
      .default(10)
      .describe('So many calls may be under way at least, whatever the estimate says.'),
  ),
  LOAD_SHEDDING_RETRY_AFTER_MS: live(
    durationMs()
      .default(1000)
      .describe('A refused caller is told to come back after one to three times as long.'),
  ),
  LOAD_SHEDDING_PRIORITIES: live(
    z
      .preprocess(fromText, Priorities)
      .default([])
      .describe(
        'Priorities of routes and rpcs beside those of @Priority: a list in YAML or JSON, see docs/load-shedding.md.',
      ),
  ),
};
