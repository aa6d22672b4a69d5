import { PRIORITIES } from '../context/index.js';
import type { ShedReason } from './admission-rule.js';

/** What became of a call: `observed` = it would have been refused, but LOAD_SHEDDING only observes. */
export const DECISIONS = ['admitted', 'refused', 'observed'] as const;
export type Decision = (typeof DECISIONS)[number];
export const TRANSPORTS = ['http', 'grpc'] as const;
export const REASONS: readonly ShedReason[] = ['event_loop', 'concurrency', 'cpu'];

/** What was decided since the start; copied at the scrape, so that a call costs an addition. */
export class ShedCounts {
  readonly #decisions: Readonly<Record<Decision, Float64Array>> = {
    admitted: new Float64Array(PRIORITIES.length),
    refused: new Float64Array(PRIORITIES.length),
    observed: new Float64Array(PRIORITIES.length),
  };
  readonly #reasons = new Map<string, number>();

  admitted(rank: number): void {
    this.#add('admitted', rank);
  }

  shed(transport: string, reason: ShedReason, rank: number, decision: Decision): void {
    this.#add(decision, rank);
    if (decision !== 'refused') return;
    const key = keyOf(transport, reason);
    this.#reasons.set(key, (this.#reasons.get(key) ?? 0) + 1);
  }

  of(rank: number, decision: Decision): number {
    return this.#decisions[decision][rank] ?? 0;
  }

  refusedFor(transport: string, reason: ShedReason): number {
    return this.#reasons.get(keyOf(transport, reason)) ?? 0;
  }

  #add(decision: Decision, rank: number): void {
    const counts = this.#decisions[decision];
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
}

function keyOf(transport: string, reason: ShedReason): string {
  return `${transport} ${reason}`;
}
