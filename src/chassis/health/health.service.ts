import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { HealthIndicatorService, type HealthCheckResult, type HealthIndicatorResult } from '@nestjs/terminus';
import { Config } from '../config/index.js';
import type { DependencyCheck } from './dependency-check.js';
import { EventLoopLag } from './event-loop-lag.js';
import { toHealthResult } from './health-result.js';
import { Readiness } from './readiness.js';
import { WatchedDependency } from './watched-dependency.js';

/** The indicator of the instance itself, beside those of its dependencies. */
const SERVICE = 'service';
const DISABLED = 'disabled by the operator';
const DAY_MS = 86_400_000;

/**
 * Answers the three probes with Terminus bodies, always from what is known already, and makes the
 * dependencies' state part of the instance's readiness.
 *
 * @example
 * ```ts
 * constructor(health: HealthService, private readonly mail: MailClient) {
 *   health.addDependency({
 *     name: 'mail',
 *     kind: 'smtp',
 *     isCritical: false,
 *     check: ({ signal }) => this.mail.noop({ signal }),
 *   });
 * }
 * ```
 */
@Injectable()
export class HealthService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #dependencies = new Map<string, WatchedDependency>();
  readonly #logger = new Logger(HealthService.name);
  readonly #loop: EventLoopLag;
  #isWatching = false;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly readiness: Readiness,
    private readonly config: Config,
  ) {
    this.#loop = new EventLoopLag({
      lagMs: config.get('HEALTH_EVENT_LOOP_LAG_MS'),
      forMs: config.get('HEALTH_EVENT_LOOP_LAG_FOR_MS'),
    });
  }

  /** The first check of each dependency, before anything but the management port listens. */
  async onApplicationBootstrap(): Promise<void> {
    this.#loop.start();
    this.#isWatching = true;
    await this.#checkedOnce();
  }

  beforeApplicationShutdown(): void {
    this.#loop.stop();
    this.#isWatching = false;
    for (const dependency of this.#dependencies.values()) dependency.stop();
  }

  /**
   * Adds a dependency to `/readyz`, to `grpc.health.v1` when it is critical, and to `health_check_up`. It is
   * first asked at the end of the start, one that is added later at once.
   * @throws {TypeError} when the name is taken, or a time is none
   */
  addDependency(check: DependencyCheck): void {
    const { name } = check;
    if (name === SERVICE || this.#dependencies.has(name))
      throw new TypeError(`A health check has the name "${name}" already; give this one another`);
    for (const option of ['timeoutMs', 'intervalMs'] as const) {
      const value = check[option];
      if (value !== undefined && !(value >= 1 && value <= DAY_MS))
        throw new TypeError(`The health check "${name}": ${option} must be from 1 to ${DAY_MS} milliseconds`);
    }
    const dependency = new WatchedDependency(
      check,
      this.indicators,
      {
        timeoutMs: this.config.get('HEALTH_TIMEOUT_MS'),
        intervalMs: this.config.get('HEALTH_INTERVAL_MS'),
      },
      (changed, isFirst) => this.#follow(changed, isFirst),
    );
    this.#dependencies.set(name, dependency);
    if (this.#isWatching) void dependency.start();
  }

  /** What the service depends on: names and kinds. */
  get dependencies(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#dependencies.values()].map(({ name, kind }) => [name, kind]));
  }

  /** What the last checks found, by name; those that were not checked yet are not there. */
  get checks(): ReadonlyMap<string, boolean> {
    const checks = new Map<string, boolean>();
    for (const { name, isUp } of this.#dependencies.values()) if (isUp !== undefined) checks.set(name, isUp);
    return checks;
  }

  /** `/livez`: the event loop turns, and not too slowly. */
  live(): HealthCheckResult {
    const session = this.indicators.check('eventLoop');
    const lag = { lagMs: this.#loop.worstMs };
    if (!this.#loop.isTooSlow) return toHealthResult([session.up(lag)]);
    return toHealthResult([session.down({ message: 'event loop lags', ...lag })]);
  }

  /** `/startupz`: down until the instance has started. */
  started(): HealthCheckResult {
    const session = this.indicators.check(SERVICE);
    return toHealthResult([this.readiness.hasStarted ? session.up() : session.down('starting')]);
  }

  /** `/readyz`: the instance wants calls and its critical dependencies work. Waits for first checks only. */
  async ready(): Promise<HealthCheckResult> {
    if (this.#isWatching) await this.#checkedOnce();
    const { isDraining } = this.readiness;
    const dependencies = [...this.#dependencies.values()].map((dependency) => dependency.describe());
    return toHealthResult([this.#describeService(), ...dependencies], { isDraining });
  }

  /** The operator's switch: takes the instance out of readiness, or lets it back. Again has no further effect. */
  setEnabled(isEnabled: boolean): void {
    const wasEnabled = !this.readiness.reasons.includes(DISABLED);
    if (isEnabled === wasEnabled) return;
    this.#logger.warn(
      { isEnabled },
      isEnabled ? 'readiness enabled by the operator' : `readiness ${DISABLED}`,
    );
    if (isEnabled) this.readiness.restore(DISABLED);
    else this.readiness.withdraw(DISABLED);
  }

  #describeService(): HealthIndicatorResult {
    const session = this.indicators.check(SERVICE);
    const { isReady, reasons } = this.readiness;
    return isReady ? session.up() : session.down(reasons.join('; '));
  }

  async #checkedOnce(): Promise<void> {
    await Promise.all([...this.#dependencies.values()].map((dependency) => dependency.start()));
  }

  /** A dependency went down or came back. */
  #follow({ name, isUp, isCritical, message }: WatchedDependency, isFirst: boolean): void {
    if (!isUp) this.#logger.warn({ dependency: name, isCritical, message }, 'dependency is down');
    else if (!isFirst) this.#logger.log({ dependency: name }, 'dependency is up again');
    if (!isCritical) return;
    if (isUp) this.readiness.restore(`${name} is down`);
    else this.readiness.withdraw(`${name} is down`);
  }
}
