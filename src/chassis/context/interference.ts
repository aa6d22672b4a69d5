import type { IncomingHttpHeaders } from 'node:http';
import type { CallContext } from './call-context.js';
import type { Call } from './call-observers.js';

/** Where an answer breaks off on purpose; with neither limit before its end, whatever its length. */
export interface Cut {
  /** After so many messages of the stream, or pieces of a REST body, have passed. */
  readonly afterMessages: number | undefined;
  /** So many milliseconds after the work began. */
  readonly afterMs: number | undefined;
  /** Tells that it is done; gives what the work fails with. */
  readonly apply: () => Error;
}

/** What is done on purpose to one call, or to one piece of work of a dependency. */
export interface Disturbance {
  /**
   * Waits and fails as it was told to; ends early when the work is no longer wanted. `undefined` when the work may begin at once.
   * @throws what the work is to fail with
   */
  begin(): Promise<void> | undefined;
  readonly cut: Cut | undefined;
}

/**
 * Where faults on purpose come in. Whoever can carry one out asks here; nobody answers until somebody sets a
 * fault, so asking costs one look. Every call bears that of the port it came through.
 */
export class Interference {
  /** For a call that no guard has seen yet. */
  ofCall: ((call: Call, headers: IncomingHttpHeaders) => Disturbance | undefined) | undefined;
  /** For work of a dependency on behalf of a call or of the run of a job. */
  ofDependency: ((target: string, call: CallContext) => Disturbance | undefined) | undefined;
}
