import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { Config, type ConfiguredRateLimit } from '../config/index.js';
import { matcherOf, type Call } from '../context/index.js';
import { assertOnHandlers, controllerMethods, type ControllerMethod } from '../lifecycle/index.js';
import { shorten, targetOf } from './key-of.js';
import { isSameQuota, Policy, type Quota } from './policy.js';
import { isSkipped, optionsOf, rateLimitDecoratorOf } from './rate-limit.decorator.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';
import type { RateLimitOptions } from './rate-limit.options.js';
import { RateLimiter } from './rate-limiter.js';
import { Rule } from './rule.js';
import { TokenSources } from './token-sources.js';

/** Sources that can bring limits to a service that begins without any. */
const FOLLOWED = [
  'CONFIG_FILES',
  'CONFIG_DIRECTORIES',
  'CONSUL_CONFIG_PREFIX',
  'ETCD_CONFIG_PREFIX',
] as const;

/** A policy of RATE_LIMIT_POLICIES with the calls it covers. */
interface ConfiguredRule {
  readonly covers: (call: Call) => boolean;
  readonly rule: Rule;
}

/** What a policy is and does, for `GET /rate-limits`. */
export interface PolicyDescription extends Quota {
  readonly name: string;
  readonly configured: Quota;
  /** Keys that are remembered. */
  readonly buckets: number;
}

/** Every policy of the service, of `@RateLimit` and of RATE_LIMIT_POLICIES, by name. */
@Injectable()
export class RateLimits implements BeforeApplicationShutdown {
  readonly limiter: RateLimiter;
  /** Whether calls have limits, or may get some: Nest takes no guard once the service listens. */
  readonly isNeeded: boolean;
  readonly #policies = new Map<string, Policy>();
  #configured: readonly ConfiguredRule[] = [];
  /** Names that code has defined; the configuration may only repeat them. */
  #ofCode: ReadonlySet<string> = new Set();
  readonly #listeners: (() => void)[] = [];
  /** By class, and by the options of a method: where calls are traced or audited, a copy of it is the handler. */
  readonly #decorated = new Map<object, readonly Rule[]>();

  /** @throws {TypeError} when two policies of one name differ, or a decorator stands where no guard is */
  constructor(
    private readonly config: Config,
    private readonly metrics: RateLimitMetrics,
    private readonly sources: TokenSources,
    discovery: DiscoveryService,
  ) {
    this.limiter = new RateLimiter({
      source: sources.shared,
      leaseRatio: config.get('RATE_LIMIT_LEASE_RATIO'),
      onWait: (ms) => metrics.waited(ms),
    });
    assertOnHandlers(discovery, rateLimitDecoratorOf);
    for (const each of controllerMethods(discovery)) this.#decorate(each);
    this.#ofCode = new Set(this.#policies.keys());
    this.#assertEqual(config.get('RATE_LIMIT_POLICIES'));
    this.#configured = config.get('RATE_LIMIT_POLICIES').map((policy) => this.#configure(policy));
    this.isNeeded = this.isUsed || FOLLOWED.some((key) => config.get(key) !== '');
    config.prepareChange(['RATE_LIMIT_POLICIES'], ({ next }) => {
      if (!this.isNeeded) throw withoutGuard();
      this.#assertEqual(next.RATE_LIMIT_POLICIES);
      return { commit: () => this.#change(next.RATE_LIMIT_POLICIES) };
    });
    metrics.watch(
      () => this.#policies.values(),
      () => this.limiter.store,
    );
  }

  /** Whether any call has a limit. */
  get isUsed(): boolean {
    return this.#policies.size > 0;
  }

  /** Hears that other calls may have other limits from now on. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.limiter.close(this.#policies.values());
  }

  /** The limits of a handler for this call. To be asked once for each handler and route. */
  rulesOf(type: object, handler: object, call: Call): readonly Rule[] {
    if (isSkipped(handler) || isSkipped(type)) return [];
    const configured = this.#configured.filter(({ covers }) => covers(call)).map(({ rule }) => rule);
    const target = targetOf(call);
    const all = [...this.#decoratedOf(type), ...this.#decoratedOf(optionsOf(handler)), ...configured];
    return all.map((rule) => rule.at(target));
  }

  get policies(): readonly PolicyDescription[] {
    return [...this.#policies.values()].map(describe);
  }

  find(name: string): Policy | undefined {
    return this.#policies.get(name);
  }

  /** Fills the bucket of a key; with a shared store, for every instance that holds no lease of it. */
  async reset(policy: Policy, key: string): Promise<void> {
    const short = shorten(key);
    policy.buckets.delete(short);
    policy.leases.delete(short);
    if (this.sources.shared?.isUp === true) await this.sources.shared.reset(policy.name, short);
    policy.wakeAll();
  }

  #decoratedOf(holder: object): readonly Rule[] {
    return this.#decorated.get(holder) ?? [];
  }

  #decorate({ controller, name, method }: ControllerMethod): void {
    this.#addRules(controller, optionsOf(controller), controller.name);
    const options = optionsOf(method);
    this.#addRules(options, options, `${controller.name}.${name}`);
  }

  #addRules(holder: object, options: readonly RateLimitOptions[], name: string): void {
    if (options.length === 0 || this.#decorated.has(holder)) return;
    const rules = options.map((each, index) =>
      this.#ruleOf(index === 0 ? name : `${name}-${index + 1}`, each),
    );
    this.#decorated.set(holder, rules);
  }

  #ruleOf(defaultName: string, options: RateLimitOptions): Rule {
    const { name = defaultName, limit, windowMs = 1000, burst = limit } = options;
    const { by = 'route', cost = 1, per = 'call', excess = 'refuse' } = options;
    return new Rule(this.#policyOf(name, { limit, windowMs, burst }), per, excess, by, cost);
  }

  #configure(configured: ConfiguredRateLimit): ConfiguredRule {
    const { name, by, cost, per, excess } = configured;
    const policy = this.#policyOf(name, quotaOf(configured));
    return { covers: matcherOf(configured), rule: new Rule(policy, per, excess, by, cost) };
  }

  /** Policies keep their buckets as long as they keep their name; the part of each that was taken stays taken. */
  #change(configured: readonly ConfiguredRateLimit[]): void {
    const former = [...this.#policies.values()];
    const names = new Set(configured.map(({ name }) => name));
    for (const name of this.#policies.keys())
      if (!names.has(name) && !this.#ofCode.has(name)) this.#policies.delete(name);
    for (const each of configured) this.#policies.get(each.name)?.configure(quotaOf(each));
    this.#configured = configured.map((policy) => this.#configure(policy));
    for (const listener of this.#listeners) listener();
    // What waits may have other limits now, or none.
    for (const policy of former) policy.wakeAll();
  }

  /** @throws {TypeError} for a policy that code defines in another way */
  #assertEqual(configured: readonly ConfiguredRateLimit[]): void {
    for (const each of configured) {
      const known = this.#ofCode.has(each.name) ? this.#policies.get(each.name) : undefined;
      if (known && !isSameQuota(known.configured, quotaOf(each))) throw differs(each.name);
    }
  }

  #policyOf(name: string, quota: Quota): Policy {
    const known = this.#policies.get(name);
    if (known && !isSameQuota(known.configured, quota)) throw differs(name);
    const counts = this.metrics.countsOf(name);
    const maxBuckets = this.config.get('RATE_LIMIT_MAX_BUCKETS');
    const policy = known ?? new Policy(name, quota, maxBuckets, counts, this.sources.processes);
    this.#policies.set(name, policy);
    return policy;
  }
}

function withoutGuard(): Error {
  return new Error(
    'The service began without any rate limit and follows no source of its configuration. Restart it, or begin with a policy.',
  );
}

function quotaOf({ limit, windowMs, burst = limit }: ConfiguredRateLimit): Quota {
  return { limit, windowMs, burst };
}

function differs(name: string): TypeError {
  return new TypeError(
    `The rate limit "${name}" is defined twice, with different limits. Rename one, or make them equal.`,
  );
}

function describe({ name, quota, configured, size }: Policy): PolicyDescription {
  return { name, ...quota, configured, buckets: size };
}
