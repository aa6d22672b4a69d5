import { z } from 'zod';
import { callPatterns, checkMethods } from './call-patterns.js';
import { entries } from './entries.js';
import { durationMs, integer, live, ratio } from './fields.js';

const ConfiguredPriority = z.strictObject({
  priority: z.enum(['critical', 'default', 'sheddable'], { error: 'must be critical, default or sheddable' }),
  ...callPatterns,
});

const Priorities = entries('priorities', ConfiguredPriority, checkMethods);

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
    Priorities.describe(
      'Priorities of routes and rpcs beside those of @Priority: a list in YAML or JSON, see docs/load-shedding.md.',
    ),
  ),
};
