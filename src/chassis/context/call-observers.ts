import type { IncomingHttpHeaders } from 'node:http';
import type { GrpcCall } from './grpc-call.js';
import type { HttpCall } from './http-call.js';
import { Interference } from './interference.js';
import { OpenCalls } from './open-calls.js';

/** Any call, told apart by its `transport`. */
export type Call = HttpCall | GrpcCall;

/** Sees every call at the transport edge, also those that routing, parsing, limits or guards refuse. */
export interface CallObserver {
  /** Before anything else is done for the call. `headers` carry the caller's trace context. */
  opened?(call: Call, headers: IncomingHttpHeaders): void;
  /** After the last byte: outcome and duration are known. Runs inside the call. */
  closed(call: Call): void;
}

/** Those who see the calls, in the order in which they were added; closing runs in the same order. */
export class CallObservers {
  /** The calls that have not ended. */
  readonly open = new OpenCalls();
  /** What is done to the calls on purpose. */
  readonly interference = new Interference();
  readonly #observers: CallObserver[] = [];

  add(observer: CallObserver): void {
    this.#observers.push(observer);
  }

  opened(call: Call, headers: IncomingHttpHeaders): void {
    call.interference = this.interference;
    this.open.add(call);
    for (const observer of this.#observers) observer.opened?.(call, headers);
  }

  closed(call: Call): void {
    this.open.delete(call);
    for (const observer of this.#observers) observer.closed(call);
  }
}
