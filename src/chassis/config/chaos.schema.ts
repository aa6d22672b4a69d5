import { faultSchema } from './chaos-fault.schema.js';
import { entries } from './entries.js';
import { durationMs, flag, live, type KeyFault } from './fields.js';

const needsId = {
  path: 'id',
  error: 'must be there: it names the fault in logs, spans and GET /chaos',
  holds: ({ id }: { readonly id?: unknown }) => id !== undefined,
};

const Faults = entries('faults', faultSchema([needsId]), ({ id }, refuse, former) => {
  if (former.some((other) => other.id === id)) refuse('id', 'must be an id that no other fault has');
});

/** Faults on purpose; docs/fault-injection.md has examples. */
export const chaosConfigShape = {
  CHAOS_ALLOWED: live(
    flag('false').describe('true = faults may be injected in production, too; elsewhere they always may.'),
  ),
  CHAOS_FAULTS: live(
    Faults.describe('Faults on purpose: a list in YAML or JSON, see docs/fault-injection.md.'),
  ),
  CHAOS_MAX_DURATION_MS: live(
    durationMs().default(3_600_000).describe('Longest time for a fault that was set on the management port.'),
  ),
};

/** Whether faults may be injected at all. */
export function isChaosAllowed(keys: { readonly APP_ENV: string; readonly CHAOS_ALLOWED: string }): boolean {
  return keys.APP_ENV !== 'production' || keys.CHAOS_ALLOWED === 'true';
}

/** What the keys of faults need of one another. */
export function chaosFaults(keys: {
  readonly APP_ENV: string;
  readonly CHAOS_ALLOWED: string;
  readonly CHAOS_FAULTS: readonly unknown[];
}): KeyFault[] {
  if (keys.CHAOS_FAULTS.length === 0 || isChaosAllowed(keys)) return [];
  const message =
    'no fault is injected in production. Remove them, or set CHAOS_ALLOWED=true if they shall be';
  return [{ path: ['CHAOS_FAULTS'], message }];
}
