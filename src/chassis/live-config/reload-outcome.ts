import type { ReloadResult } from './live-config.metrics.js';

/** What became of a look at the configuration. */
export interface ReloadOutcome {
  readonly result: ReloadResult;
  readonly revision: number;
  /** Keys with a new value. */
  readonly changed: readonly string[];
  /** Why it was refused, or which sources could not be read. */
  readonly reason: string | undefined;
}

/** The last change that was not taken. */
export interface Refusal {
  readonly at: string;
  readonly cause: string;
  /** `schema` for what is not valid, `service` for what a part of it would not take. */
  readonly by: 'schema' | 'service';
  /** Names keys and sources, shows no value. */
  readonly reason: string;
}
