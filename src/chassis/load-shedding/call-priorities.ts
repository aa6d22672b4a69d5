import type { ConfiguredPriority } from '../config/index.js';
import { matcherOf, PRIORITIES, type Call, type Priority } from '../context/index.js';

const NAMES: ReadonlySet<unknown> = new Set(PRIORITIES);

/**
 * How important a call is: what a trusted proxy says in `x-priority`, else the first entry of
 * LOAD_SHEDDING_PRIORITIES that covers it, else its `@Priority`, else `default`.
 */
export class CallPriorities {
  readonly #configured: readonly { readonly covers: (call: Call) => boolean; readonly priority: Priority }[];
  /** Route or service → method; both come from the program, so they are few. */
  readonly #found = new Map<string, Map<string, Priority | undefined>>();

  constructor(configured: readonly ConfiguredPriority[]) {
    this.#configured = configured.map(({ priority, ...calls }) => ({ covers: matcherOf(calls), priority }));
  }

  /** @param declared by `@Priority` @param header that of a trusted peer; others have lost it before */
  of(call: Call, declared: Priority | undefined, header: unknown): Priority {
    if (header !== undefined && NAMES.has(header)) return header as Priority;
    if (this.#configured.length === 0) return declared ?? 'default';
    return this.#configuredFor(call) ?? declared ?? 'default';
  }

  #configuredFor(call: Call): Priority | undefined {
    const target = call.transport === 'http' ? call.route : call.service;
    const methods = this.#found.get(target) ?? new Map<string, Priority | undefined>();
    if (methods.has(call.method)) return methods.get(call.method);
    const priority = this.#configured.find(({ covers }) => covers(call))?.priority;
    this.#found.set(target, methods.set(call.method, priority));
    return priority;
  }
}
