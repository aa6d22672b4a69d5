import type { ConfiguredPolicy, PreparedChange } from '../config/index.js';
import { GrpcCall, HttpCall, matcherOf, type Call, type CallContext } from '../context/index.js';
import { ManagedPolicy } from './managed-policy.js';
import type { PolicyOptions } from './policy-options.js';

interface Routed {
  readonly covers: (call: Call) => boolean;
  readonly managed: ManagedPolicy;
}

/** The policies that RESILIENCE_POLICIES lays over routes and rpcs. The first that covers a call holds. */
export class RoutedPolicies {
  #routed: readonly Routed[] = [];
  /** By route or rpc; templates and methods are few. */
  readonly #byTarget = new Map<string, ManagedPolicy | undefined>();
  /** Told of each policy that is new. */
  onAdded: ((managed: ManagedPolicy) => void) | undefined;

  /** @param policies all of the service by name; those of routes are put in and taken out */
  constructor(private readonly policies: Map<string, ManagedPolicy>) {}

  /** Whether no call is covered. */
  get isEmpty(): boolean {
    return this.#routed.length === 0;
  }

  has(managed: ManagedPolicy): boolean {
    return this.#routed.some((routed) => routed.managed === managed);
  }

  /** The one that covers a call. */
  of(call: CallContext | undefined): ManagedPolicy | undefined {
    if (!(call instanceof HttpCall || call instanceof GrpcCall)) return undefined;
    const target = call.transport === 'http' ? `${call.method} ${call.route}` : call.rpc;
    if (this.#byTarget.has(target)) return this.#byTarget.get(target);
    const found = this.#routed.find(({ covers }) => covers(call))?.managed;
    this.#byTarget.set(target, found);
    return found;
  }

  /**
   * Policies that stay keep what they have counted.
   * @throws {TypeError} when one cannot be what the configuration says
   */
  prepare(entries: readonly ConfiguredPolicy[]): PreparedChange {
    const covering = entries.filter(({ routes, rpcs }) => routes ?? rpcs);
    const next = covering.map((entry) => ({ entry, managed: this.#check(entry), covers: matcherOf(entry) }));
    return {
      commit: () => {
        for (const { managed } of this.#routed) {
          this.policies.delete(managed.name);
          // Who waits for a place of it waits no longer.
          if (!next.some((routed) => routed.managed === managed)) managed.configure({});
        }
        const known = new Set(this.#routed.map(({ managed }) => managed));
        this.#routed = next;
        this.#byTarget.clear();
        for (const { entry, managed } of next) {
          this.policies.set(managed.name, managed);
          if (known.has(managed)) managed.configure(rulesOf(entry));
          else this.onAdded?.(managed);
        }
      },
    };
  }

  #check(entry: ConfiguredPolicy): ManagedPolicy {
    const { name } = entry;
    const known = this.policies.get(name);
    if (!known) return new ManagedPolicy(name, {}, rulesOf(entry));
    if (!this.has(known)) throw ofTheCode(name);
    known.check(rulesOf(entry));
    return known;
  }
}

/** One name is one policy: what one has counted is not the other's. */
export function ofTheCode(name: string): TypeError {
  return new TypeError(`"${name}" is a policy of the code: rename the one that has routes or rpcs`);
}

/** What an entry says beside its name and the calls it covers. */
export function rulesOf(entry: ConfiguredPolicy | undefined): PolicyOptions {
  if (!entry) return {};
  const { name: _name, routes: _routes, rpcs: _rpcs, methods: _methods, ...rules } = entry;
  return rules as PolicyOptions;
}
