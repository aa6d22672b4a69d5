import type { IncomingHttpHeaders } from 'node:http';
import type { Fault, FaultKind } from '../config/index.js';
import { matcherOf, matcherOfText, type Call, type CallContext } from '../context/index.js';

/** A fault with the name that logs, spans and `GET /chaos` give it. */
export type NamedFault = Fault & { readonly id: string };

/** Who set a fault: CHAOS_FAULTS, or an operator on the management port. */
export type FaultSource = 'configuration' | 'management';

/** A fault and the work that it is done to. */
export class ActiveFault {
  readonly id: string;
  readonly kind: FaultKind;
  readonly startedAt = Date.now();
  /** Done to work of dependencies, not to calls themselves. */
  readonly isOfDependencies: boolean;
  readonly #covers: (call: Call) => boolean;
  readonly #coversEvery: boolean;
  readonly #isDependency: (name: string) => boolean;

  /**
   * @param endsAt epoch milliseconds; `Infinity` = when somebody ends it
   * @param random as `Math.random`
   */
  constructor(
    readonly fault: NamedFault,
    readonly source: FaultSource,
    readonly endsAt: number,
    private readonly random: () => number = Math.random,
  ) {
    this.id = fault.id;
    this.kind = fault.kind;
    this.isOfDependencies = fault.dependencies !== undefined;
    this.#covers = matcherOf(fault);
    this.#coversEvery = fault.routes === undefined && fault.rpcs === undefined;
    this.#isDependency = matcherOfText(fault.dependencies);
  }

  /** When it ends by itself, ISO 8601; `null` = when somebody ends it. */
  get until(): string | null {
    return this.endsAt === Infinity ? null : new Date(this.endsAt).toISOString();
  }

  /** Whether it is done to this call: that it is meant, and the dice fell so. */
  hitsCall(call: Call, headers: IncomingHttpHeaders): boolean {
    return this.#covers(call) && this.#isMarked(headers) && this.#isChosen();
  }

  /** The same for work of a dependency; without routes and rpcs it is done to that of jobs, too. */
  hitsDependency(name: string, call: CallContext, headers: IncomingHttpHeaders | undefined): boolean {
    const isMeant = this.#coversEvery || (call.transport !== 'job' && this.#covers(call as Call));
    return this.#isDependency(name) && isMeant && this.#isMarked(headers) && this.#isChosen();
  }

  /** Milliseconds that it adds, evenly between its bounds. */
  delayMs(): number {
    const { fault } = this;
    return fault.kind === 'latency' ? fault.delayMs + this.random() * fault.jitterMs : 0;
  }

  #isMarked(headers: IncomingHttpHeaders | undefined): boolean {
    const { header } = this.fault;
    if (!header) return true;
    const sent = headers?.[header.name];
    return sent !== undefined && (header.value === undefined || sent === header.value);
  }

  #isChosen(): boolean {
    return this.random() * 100 < this.fault.percentage;
  }
}
