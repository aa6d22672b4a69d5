import { z } from 'zod';
import { entries } from './entries.js';
import { live } from './fields.js';

const Flag = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and "-", at most 64'),
  enabled: z.boolean().default(true),
  percentage: z.number().min(0).max(100).optional(),
  principals: z.array(z.string().min(1)).optional(),
  tenants: z.array(z.string().min(1)).optional(),
});

const Flags = entries('flags', Flag).refine(
  (flags) => new Set(flags.map(({ name }) => name)).size === flags.length,
  { error: 'must have each name once' },
);

/** A flag of FEATURE_FLAGS, validated. */
export type ConfiguredFlag = z.output<typeof Flag>;

/** Which features are on, for whom; docs/configuration.md has an example. */
export const flagsConfigShape = {
  FEATURE_FLAGS: live(
    Flags.describe('Features that are on, and for whom: a list in YAML or JSON, see docs/configuration.md.'),
  ),
};
