import { Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus';
import { Config } from '../config/index.js';
import { Readiness } from './readiness.js';

/** A dependency that `/readyz` asks. */
export interface DependencyCheck {
  /** Name in the answer and in the log. */
  readonly name: string;
  /** What it is, for `/info`, such as `postgres`. */
  readonly kind: string;
  /** Resolves when the dependency works; `signal` aborts after HEALTH_TIMEOUT_MS. */
  readonly check: (options: { readonly signal: AbortSignal }) => Promise<void>;
}

/** Probes that come closer together than this share one check, in milliseconds. */
const CACHE_MS = 1000;

/** Answers the three probes with Terminus bodies. */
@Injectable()
export class HealthService {
  readonly #checks: DependencyCheck[] = [];
  readonly #logger = new Logger(HealthService.name);
  readonly #failing = new Set<string>();

  constructor(
    private readonly terminus: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly readiness: Readiness,
    private readonly config: Config,
  ) {}

  /** Adds a dependency to `/readyz`. */
  addDependency(check: DependencyCheck): void {
    this.#checks.push(check);
  }

  /** What the service depends on: names and kinds. */
  get dependencies(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#checks.map(({ name, kind }) => [name, kind]));
  }

  /** `/livez`: the process answers. */
  live(): Promise<HealthCheckResult> {
    return this.terminus.check([]);
  }

  /** `/startupz`: down until the instance was ready for the first time. */
  started(): Promise<HealthCheckResult> {
    return this.#answer(this.terminus.check([() => this.#state(this.readiness.hasStarted, 'starting')]));
  }

  /** `/readyz`: the instance wants calls and its dependencies work. */
  async ready(): Promise<HealthCheckResult> {
    const reason = this.readiness.hasStarted ? 'shutting down' : 'starting';
    const result = await this.#answer(
      this.terminus.check([
        () => this.#state(this.readiness.isReady, reason),
        ...this.#checks.map((dependency) => () => this.#ask(dependency)),
      ]),
    );
    this.#logChanges(result);
    return result;
  }

  #state(isUp: boolean, reason: string) {
    const session = this.indicators.check('service');
    return isUp ? session.up() : session.down(reason);
  }

  #ask({ name, check }: DependencyCheck) {
    return this.indicators
      .check(name)
      .attempt(check)
      .withTimeout(this.config.get('HEALTH_TIMEOUT_MS'))
      .cacheFor(CACHE_MS);
  }

  /** Terminus throws its result when a check failed; the probe wants it as an answer. */
  async #answer(check: Promise<HealthCheckResult>): Promise<HealthCheckResult> {
    try {
      return await check;
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      return error.getResponse() as HealthCheckResult;
    }
  }

  #logChanges({ details }: HealthCheckResult): void {
    for (const { name } of this.#checks) {
      const isDown = details[name]?.status === 'down';
      if (isDown === this.#failing.has(name)) continue;
      if (isDown) this.#logger.warn({ dependency: name, ...details[name] }, 'dependency is down');
      else this.#logger.log({ dependency: name }, 'dependency is up again');
      if (isDown) this.#failing.add(name);
      else this.#failing.delete(name);
    }
  }
}
