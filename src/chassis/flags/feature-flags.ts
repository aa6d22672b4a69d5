import { Injectable } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { hash } from 'node:crypto';
import { Config, type ConfiguredFlag } from '../config/index.js';
import { currentCall, type Principal } from '../context/index.js';
import { MetricsRegistry, type Counter } from '../metrics/index.js';

const SHARES = 10_000;

/**
 * Features that the configuration switches while the service runs (FEATURE_FLAGS). A flag that is not there is off.
 *
 * @example
 * ```ts
 * if (this.flags.isOn('new-checkout')) return this.newCheckout(order);
 * ```
 */
@Injectable()
export class FeatureFlags {
  readonly #evaluations: Counter<['flag', 'result']>;

  constructor(
    private readonly config: Config,
    metrics: MetricsRegistry,
  ) {
    this.#evaluations = metrics.counter({
      name: 'feature_flag_evaluations_total',
      help: 'Questions whether a feature is on, by the flags of FEATURE_FLAGS; others count as unknown.',
      labels: ['flag', 'result'],
    });
  }

  /**
   * Whether the feature is on for who makes the call; in one call it is always the same. Without `percentage` it is on
   * for all, or, where `principals` or `tenants` are named, for those alone.
   * @param key who is asked for in the caller's place, or where no call has one; by `percentage` the same key always gets
   * the same answer. The tenant is the caller's in any case.
   */
  isOn(name: string, key?: string): boolean {
    const flag = this.config.get('FEATURE_FLAGS').find((each) => each.name === name);
    const isOn = flag !== undefined && isOnFor(flag, currentCall()?.principal, key);
    const result = isOn ? 'on' : 'off';
    this.#evaluations.labels(flag ? name : 'unknown', result).inc();
    // Source: OpenTelemetry's semantic conventions for feature flags.
    const event = { 'feature_flag.key': name, 'feature_flag.result.variant': result };
    trace.getActiveSpan()?.addEvent('feature_flag.evaluation', event);
    return isOn;
  }
}

function isOnFor(flag: ConfiguredFlag, principal: Principal | undefined, given: string | undefined): boolean {
  const { name, enabled, principals = [], tenants = [] } = flag;
  const key = given ?? principal?.id;
  if (!enabled) return false;
  if (key !== undefined && principals.includes(key)) return true;
  if (principal?.tenant !== undefined && tenants.includes(principal.tenant)) return true;
  const { percentage = flag.principals || flag.tenants ? 0 : 100 } = flag;
  if (percentage === 100 || key === undefined) return percentage === 100;
  return shareOf(`${name}/${key}`) < percentage * (SHARES / 100);
}

/** The same text has the same share everywhere, and each flag shares in its own way. */
function shareOf(text: string): number {
  return hash('sha256', text, 'buffer').readUInt32BE() % SHARES;
}
