import { buildParts } from './build-parts.js';
import { BreakerControl, type ForcedState } from './breaker-control.js';
import { checkOptions, completeBreaker } from './complete-options.js';
import { mergeOptions } from './merge-options.js';
import { Policy } from './policy.js';
import type { BreakerOptions, PolicyOptions } from './policy-options.js';
import { PolicyTelemetry } from './policy-telemetry.js';

/** A policy by its name, made of what the code says, the configuration on top, and the operator's rule on top of both. */
export class ManagedPolicy {
  readonly policy: Policy;
  readonly telemetry: PolicyTelemetry;
  /** Whether the work may be done twice, where code or configuration says. */
  isIdempotent: boolean | undefined;
  #breaker: BreakerControl | undefined;
  #configured: PolicyOptions = {};
  #override: BreakerOptions | undefined;

  /** @throws {TypeError} when an option is not valid */
  constructor(
    readonly name: string,
    /** What the code says; nothing for a policy of the configuration alone. */
    readonly defined: PolicyOptions,
    configured: PolicyOptions = {},
  ) {
    this.telemetry = new PolicyTelemetry(name);
    this.policy = new Policy(name, {}, this.telemetry);
    this.check(configured);
    this.configure(configured);
  }

  get breaker(): BreakerControl | undefined {
    return this.#breaker;
  }

  /** What holds now. */
  get options(): PolicyOptions {
    return this.#optionsWith(this.#configured, this.#override);
  }

  /** @throws {TypeError} when the policy cannot be what the configuration says */
  check(configured: PolicyOptions): void {
    checkOptions(`Policy "${this.name}"`, this.#optionsWith(configured, this.#override));
  }

  /** From now on as the configuration says, which has been checked. */
  configure(configured: PolicyOptions): void {
    this.#configured = configured;
    this.#rebuild();
  }

  /** Another rule for its breaker; `undefined` is the one of code and configuration. @throws {TypeError} when it is not valid */
  overrideRule(rule: BreakerOptions | undefined): void {
    checkOptions(`Policy "${this.name}"`, this.#optionsWith(this.#configured, rule));
    this.#override = rule;
    this.#rebuild();
  }

  /** Holds its breaker in a state, or lets it go. */
  force(state: ForcedState | undefined): void {
    if (this.#breaker) this.#breaker.forced = state;
    this.#rebuild();
  }

  /** Its breaker closed, with nothing counted, and held by nobody. */
  resetBreaker(): void {
    this.#breaker?.reset(performance.now());
    this.#rebuild();
  }

  #optionsWith(configured: PolicyOptions, rule: BreakerOptions | undefined): PolicyOptions {
    const merged = mergeOptions(this.defined, configured);
    return rule && merged.breaker ? mergeOptions(merged, { breaker: rule }) : merged;
  }

  #rebuild(): void {
    const { options, policy } = this;
    this.isIdempotent = options.isIdempotent;
    this.#setBreaker(options.breaker ?? undefined);
    const parts = buildParts(options, policy.parts);
    policy.parts = this.#breaker ? { ...parts, breaker: this.#breaker.active } : parts;
  }

  #setBreaker(options: BreakerOptions | undefined): void {
    if (!options) this.#breaker = undefined;
    else if (this.#breaker) this.#breaker.rule = completeBreaker(options);
    else this.#breaker = new BreakerControl(completeBreaker(options), this.telemetry.onTransition);
    this.telemetry.hasBreaker = this.#breaker !== undefined;
  }
}
