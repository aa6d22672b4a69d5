import type { Span } from '@opentelemetry/api';
import type { IncomingHttpHeaders } from 'node:http';
import { callCancelled, deadlineExceeded, type Code, type ServiceError } from '../errors/primary.js';
import type { Call } from './call-observers.js';
import type { CallState } from './call-state.js';
import type { ExpiryQueue } from './expiry-queue.js';
import type { Interference } from './interference.js';
import type { ClientCertificate, Principal } from './principal.js';
import type { Priority } from './priority.js';
import { Scope } from './scope.js';

/** The ways a call comes in; the run of a job comes by none. */
export type TransportName = 'http' | 'grpc' | 'job';

const TIME_ORIGIN = performance.timeOrigin;

/** `setTimeout` cannot wait longer: 2³¹ − 1 milliseconds, 24.8 days. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A client's own timer for the same deadline runs ahead or behind by what the network's delay varies. */
const DEADLINE_JITTER_MS = 50;

/** Tells on an answer which step of a fallback gave it: `prices/snapshot`. */
const FALLBACK_HEADER = 'x-fallback';

/** A step of a policy's fallback, by their names. */
interface FallbackAnswer {
  readonly policy: string;
  readonly step: string;
}

/** Of calls that came without any. */
const NO_HEADERS: IncomingHttpHeaders = Object.freeze({});

/**
 * What belongs to one call, from its first byte to its last: id, deadline, cancellation, outcome. The
 * transport edge opens and closes it; everybody else reads it with `currentCall()`.
 */
export abstract class CallContext {
  abstract readonly transport: TransportName;
  /** `performance.now()` when the call came in. */
  readonly startedAt = performance.now();
  /** Milliseconds from first byte to the end; known once the call is closed. */
  durationMs = 0;
  /** How the call ended; `OK` until something else is known. */
  code: Code | 'OK' = 'OK';
  /** What the call failed with, `undefined` when it did not or nobody said. */
  error: ServiceError | undefined;
  /** What came with the call: headers of REST, metadata of gRPC, names in lower case. */
  headers: IncomingHttpHeaders = NO_HEADERS;
  /** The middleware that decided how the call ended, other than its handler would have; `undefined` when none did. */
  middleware: string | undefined;
  /** No call came on its connection before it. */
  isFirst = false;
  /** Its middlewares are at work: what calls a handler now is no transport, and no reason to run them again. */
  isInPipeline = false;
  /** Address of the caller, as far as it is known. */
  clientIp: string | undefined;
  /** The authenticated caller; `undefined` until a guard knows it. */
  principal: Principal | undefined;
  /** What the caller's connection has proved; `undefined` without TLS or without a certificate of the client. */
  clientCertificate: ClientCertificate | undefined;
  /** Who may do something to this call on purpose; `undefined` where nobody ever may, such as on the management port. */
  interference: Interference | undefined;
  /** The faults that were done to it on purpose, by id, with a comma between them. */
  chaos: string | undefined;
  /** The step of a fallback that has answered it, or part of it; the last one where several have. */
  fallback: FallbackAnswer | undefined;
  /** The configuration that the call works with from its beginning to its end: `Config` knows what it holds. */
  settings: object | undefined;
  /** How important it is; `undefined` where load shedding is off or does not look, as at health checks. */
  priority: Priority | undefined;
  /** What load shedding refused it for, or would have where it only observes. */
  shed: string | undefined;
  /** Load shedding counts it among the calls under way. */
  isInFlight = false;
  /** Neighbours among the calls that have not ended; `OpenCalls` keeps them. */
  previousOpen: Call | undefined;
  nextOpen: Call | undefined;
  /** Where its deadline is watched, and its neighbours there; `ExpiryQueue` keeps them. */
  expiry: ExpiryQueue | undefined;
  previousExpiring: CallContext | undefined;
  nextExpiring: CallContext | undefined;
  #onAborted: ((reason: Error) => void) | undefined;
  /** As `performance.now()` counts. */
  #expiresAt = Infinity;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #scope: Scope | undefined;
  #states: Map<CallState<unknown>, unknown> | undefined;

  constructor(readonly requestId: string) {}

  /** The scope that code of this call runs in; its span is the server span. Set before any work runs. */
  get scope(): Scope {
    return (this.#scope ??= new Scope(this, undefined));
  }

  set scope(scope: Scope) {
    this.#scope = scope;
  }

  /** The server span, `undefined` when nothing traces. Set by whoever opens the span, before any work runs. */
  set span(span: Span) {
    this.#scope = new Scope(this, span);
  }

  get span(): Span | undefined {
    return this.#scope?.span;
  }

  /** Epoch milliseconds, with fractions, when the call came in. */
  get startMs(): number {
    return TIME_ORIGIN + this.startedAt;
  }

  /** Epoch milliseconds, with fractions, when the call was over; known once it is closed. */
  get endMs(): number {
    return TIME_ORIGIN + this.startedAt + this.durationMs;
  }

  /** Epoch milliseconds after which nobody waits for the answer; `Infinity` when there is none. */
  get deadline(): number {
    return this.#expiresAt === Infinity ? Infinity : Date.now() + this.#expiresAt - performance.now();
  }

  /** Milliseconds left until the deadline, never negative; `Infinity` without a deadline. */
  get remainingMs(): number {
    return Math.max(0, this.#expiresAt - performance.now());
  }

  /**
   * Aborts when the client leaves, cancels or runs out of time. Hand it to whatever waits.
   * Made on first use: a call that never looks at it pays nothing.
   */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Why the call was aborted, `undefined` while it is alive. */
  get abortReason(): Error | undefined {
    return this.#abortReason;
  }

  /** The call's own value of a state, `undefined` until one is set. */
  get<T>(state: CallState<T>): T | undefined {
    // `set` takes nothing else under this key.
    return this.#states?.get(state) as T | undefined;
  }

  set<T>(state: CallState<T>, value: T): void {
    this.#states ??= new Map();
    this.#states.set(state, value);
  }

  /** Gives the call `timeoutMs` from its beginning; then it is aborted with what `reason` makes. */
  expireAfter(timeoutMs: number, reason: () => Error): void {
    this.#expiresAt = this.startedAt + timeoutMs;
    if (timeoutMs > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => this.abort(reason()), timeoutMs);
  }

  /** The same with the time of `queue`, for the time that most calls have. */
  expireIn(queue: ExpiryQueue): void {
    this.#expiresAt = this.startedAt + queue.timeoutMs;
    queue.add(this);
  }

  /**
   * The transport edge's own reaction to an abort: it answers. Runs before the signal's listeners. The last one counts.
   * No property that functions are assigned to: V8 makes such a function in its old generation, where it keeps the
   * call it belongs to, long over, until the next full collection.
   */
  whenAborted(react: (reason: Error) => void): void {
    this.#onAborted = react;
  }

  /** Cancels the work. Only the first reason counts. */
  abort(reason: Error): void {
    if (this.#abortReason) return;
    this.#abortReason = reason;
    this.#onAborted?.(reason);
    this.#controller?.abort(reason);
  }

  /**
   * The client went away, or cancelled, without an answer. When it did so at its deadline, the deadline is why.
   * @returns what the call has failed with
   */
  abandon(): ServiceError {
    const reason = this.remainingMs <= DEADLINE_JITTER_MS ? deadlineExceeded() : callCancelled();
    this.error ??= reason;
    this.code = this.error.code;
    this.abort(reason);
    return this.error;
  }

  /** A step of a fallback answers it, or part of it: its line and its answer tell. */
  answeredBy(fallback: FallbackAnswer): void {
    this.fallback = fallback;
    this.setAnswerHeader(FALLBACK_HEADER, `${fallback.policy}/${fallback.step}`);
  }

  /** Sets a header of the answer, as far as the transport still can. The run of a job has no answer. */
  setAnswerHeader(_name: string, _value: string): void {}

  /** The call is over: its deadline can no longer fire, its duration is known. */
  close(): void {
    this.durationMs = performance.now() - this.startedAt;
    this.expiry?.delete(this);
    if (this.#timer) clearTimeout(this.#timer);
    // What the call has started and goes on without it reads what holds then.
    this.settings = undefined;
  }
}
