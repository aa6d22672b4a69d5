import type { MetricSnapshot } from '../metrics/primary.js';

/** A request to the management port, on its way to a worker. */
export interface ManagementRequest {
  readonly method: string;
  readonly url: string;
  /** Several values where one is repeated. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
  /** Who asked: changes may be taken from this machine only. */
  readonly remoteAddress: string;
}

/** What a worker answers to it. */
export interface ManagementAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a worker needs to know to begin. */
export interface WorkerOrder {
  /** Its number, from 1: in its log lines and in the label `worker` of its gauges. */
  readonly worker: number;
  /** Configuration that the primary has settled: the real ports. */
  readonly overrides: Readonly<Record<string, number>>;
}

export interface DrainOptions {
  /**
   * Whether the whole instance ends. Otherwise other workers go on accepting on the same sockets: this
   * one stops at once, and nobody has to hear of it.
   */
  readonly propagate: boolean;
}

/** What a worker tells when it serves. */
export interface WorkerReady {
  /** Addresses as `host:port`. */
  readonly http: string;
  readonly grpc: string;
  /** Longest time that its shutdown takes, in milliseconds; then it ends itself by force. */
  readonly shutdownLimitMs: number;
  /** Longest time that a change takes, in milliseconds. */
  readonly changeLimitMs: number;
}

/** An earlier configuration that was gone back to, until a source says something else. */
export interface PinnedRevision {
  /** The number that it has in the worker that was asked. */
  readonly revision: number;
  readonly values: object;
}

/** Why a worker could not start. */
export interface WorkerFault {
  readonly message: string;
  /** Only where the code is at fault, not its surroundings. */
  readonly stack?: string;
}

/** What a worker answers to a question that has an id. */
export type Answer = ManagementAnswer | PinnedRevision | readonly MetricSnapshot[];

export type ToWorker =
  | ({ readonly kind: 'start' } & WorkerOrder)
  | ({ readonly kind: 'drain' } & DrainOptions)
  | { readonly kind: 'reload' }
  | { readonly kind: 'snapshot'; readonly id: number }
  | { readonly kind: 'pinned'; readonly id: number }
  | { readonly kind: 'pin'; readonly id: number; readonly pinned: PinnedRevision }
  | { readonly kind: 'stop-listening'; readonly id: number }
  | { readonly kind: 'request'; readonly id: number; readonly request: ManagementRequest };

export type ToPrimary =
  | ({ readonly kind: 'ready' } & WorkerReady)
  | ({ readonly kind: 'failed' } & WorkerFault)
  | {
      readonly kind: 'answer';
      readonly id: number;
      /** None when it could not answer. */
      readonly answer?: Answer;
    }
  | { readonly kind: 'restart-needed'; readonly wanted: string }
  | { readonly kind: 'last-metrics'; readonly metrics: readonly MetricSnapshot[] };
