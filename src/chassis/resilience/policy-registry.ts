import { Logger } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import type { Config, ConfiguredPolicy, PreparedChange } from '../config/index.js';
import { StartError } from '../errors/index.js';
import { checkOptions } from './complete-options.js';
import { ManagedPolicy } from './managed-policy.js';
import type { Policy } from './policy.js';
import type { PolicyOptions } from './policy-options.js';
import type { PolicyCounts } from './policy.metrics.js';
import { ofTheCode, RoutedPolicies, rulesOf } from './routed-policies.js';

const logger = new Logger('Resilience');

/**
 * Every policy of the service by its name: those of decorators, clients and other code, with what
 * RESILIENCE_POLICIES says on top, and those that it lays over routes and rpcs.
 *
 * @example
 * ```ts
 * this.policy = registry.define('inventory', { timeoutMs: 300, breaker: {}, retry: {} });
 * const stock = await this.policy.run(({ signal }) => fetch(url, { signal }));
 * ```
 */
export class PolicyRegistry {
  /** Those of RESILIENCE_POLICIES that cover routes or rpcs. */
  readonly routed: RoutedPolicies;
  readonly #policies = new Map<string, ManagedPolicy>();
  #configured: ReadonlyMap<string, ConfiguredPolicy>;
  #countsOf: ((name: string) => PolicyCounts) | undefined;

  /** @throws {StartError} when a policy of the configuration cannot be */
  constructor(config: Config) {
    const entries = config.get('RESILIENCE_POLICIES');
    this.#configured = byName(entries);
    this.routed = new RoutedPolicies(this.#policies);
    orStartError(() => this.routed.prepare(entries)).commit();
    config.prepareChange(['RESILIENCE_POLICIES'], ({ next }) => this.#prepare(next.RESILIENCE_POLICIES));
  }

  get policies(): Iterable<ManagedPolicy> {
    return this.#policies.values();
  }

  find(name: string): ManagedPolicy | undefined {
    return this.#policies.get(name);
  }

  /**
   * The policy of this name; defined again with the same options it is the same one.
   * @throws {TypeError} when an option is not valid, or the name has other options already
   * @throws {StartError} when the configuration's rules for it do not fit, or lay it over routes or rpcs
   */
  define(name: string, options: PolicyOptions): Policy {
    return this.manage(name, options).policy;
  }

  /** As `define`, with what is needed to watch and change it. */
  manage(name: string, options: PolicyOptions): ManagedPolicy {
    const known = this.#policies.get(name);
    if (known) {
      if (this.routed.has(known)) throw asStartError(ofTheCode(name));
      if (known.defined === options || isDeepStrictEqual(known.defined, options)) return known;
      throw new TypeError(
        `The policy "${name}" is defined twice, with different options. Rename one, or make them equal.`,
      );
    }
    // Faults of the code first: they are not the configuration's.
    checkOptions(`Policy "${name}"`, options);
    const configured = this.#configured.get(name);
    const managed = orStartError(() => new ManagedPolicy(name, options, configured && rulesOf(configured)));
    this.#add(managed);
    return managed;
  }

  /** Has all policies counted, those to come as well. */
  countWith(countsOf: (name: string) => PolicyCounts): void {
    this.#countsOf = countsOf;
    this.routed.onAdded = (managed) => this.#count(managed);
    for (const managed of this.#policies.values()) this.#count(managed);
  }

  /** Names in the configuration that nothing has: typing errors, most likely. */
  warnOfUnknown(): void {
    for (const name of this.#configured.keys())
      if (!this.#policies.has(name))
        logger.warn({ policy: name }, 'RESILIENCE_POLICIES has rules for a policy that nothing defines');
  }

  #add(managed: ManagedPolicy): void {
    this.#policies.set(managed.name, managed);
    this.#count(managed);
  }

  #count(managed: ManagedPolicy): void {
    managed.telemetry.counts = this.#countsOf?.(managed.name);
  }

  /** @throws {TypeError} when one of the policies cannot be what the configuration says */
  #prepare(entries: readonly ConfiguredPolicy[]): PreparedChange {
    const next = byName(entries);
    const routed = this.routed.prepare(entries);
    const changes = [...this.#policies.values()]
      .filter((managed) => !this.routed.has(managed))
      .map((managed) => ({ managed, rules: rulesOf(next.get(managed.name)) }));
    for (const { managed, rules } of changes) managed.check(rules);
    return {
      commit: () => {
        const previous = this.#configured;
        this.#configured = next;
        routed.commit();
        for (const { managed, rules } of changes)
          if (!isDeepStrictEqual(previous.get(managed.name), next.get(managed.name)))
            managed.configure(rules);
        this.warnOfUnknown();
      },
    };
  }
}

function byName(entries: readonly ConfiguredPolicy[]): ReadonlyMap<string, ConfiguredPolicy> {
  return new Map(entries.map((entry) => [entry.name, entry]));
}

/** The code is right by itself: what does not fit is the configuration's. */
function orStartError<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw asStartError(error);
  }
}

function asStartError({ message }: TypeError): StartError {
  return new StartError(`RESILIENCE_POLICIES: ${message}. See docs/resilience.md.`);
}
