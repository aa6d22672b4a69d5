import type { Call, CallState } from '../context/index.js';
import type { Answer } from './answer.js';

/** Settings of a middleware that declares no schema: none. */
export type NoSettings = Readonly<Record<string, never>>;

/** One call on its way through the middlewares; all of them are given the same object. */
export interface MiddlewareContext {
  /** The call itself: request id, headers, principal, deadline, signal. */
  readonly call: Call;
  /** Class and method, such as `OrdersHttpController.create`. */
  readonly handler: string;
  /** What `@Tags` says of the handler and its class. */
  readonly tags: ReadonlySet<string>;
  /** What the handler will be given, as the caller sent it: not validated. Do not read a request stream. */
  readonly args: readonly unknown[];
  /** A header of the request or a text in its metadata; `undefined` when there is none. */
  header(name: string): string | undefined;
  /** Sets a header of the answer; on gRPC initial metadata, or a trailer once a stream has begun. */
  setHeader(name: string, value: string): void;
  /** A value of the call, `undefined` until one is set; services read the same with `currentCall()?.get(state)`. */
  get<T>(state: CallState<T>): T | undefined;
  /** The same where it must be there. @throws {Error} naming the state; the call answers INTERNAL */
  require<T>(state: CallState<T>): T;
  set<T>(state: CallState<T>, value: T): void;
}

/** How a call left what stands within a middleware. */
export interface Outcome {
  /** Whether `error` holds rather than `result`. */
  readonly hasFailed: boolean;
  /** What the handler returned; `undefined` of a response stream, which is over. */
  readonly result: unknown;
  /** What was thrown, as it was thrown. */
  readonly error: unknown;
  /** Milliseconds since the first middleware of the call began. */
  readonly durationMs: number;
}

/**
 * What a class with `@Middleware` may do, each of it optional. The phases of a call may return promises; hooks of
 * messages may not. Settings are those that held when the call began. See docs/pipeline.md for order and faults.
 */
export interface CallMiddleware<Settings = NoSettings> {
  /** Once, before the first call. @throws keeps the service from starting; a plugin is refused */
  init?(settings: Settings): unknown;
  /** Before the handler and its validation. What it throws keeps the call from both; `answer(…)` does, too. */
  preHandle?(context: MiddlewareContext, settings: Settings): PhaseResult;
  /** When what stands within has failed: `answer(…)` in its place, another error by throwing, or nothing. */
  recover?(context: MiddlewareContext, error: unknown, settings: Settings): PhaseResult;
  /** At the end, however it came: of a stream after its last message. */
  postHandle?(context: MiddlewareContext, outcome: Outcome, settings: Settings): unknown;
  /** Each message that a request stream brings in; what is returned, unless `undefined`, takes its place. */
  onMessageIn?(context: MiddlewareContext, message: unknown, settings: Settings): unknown;
  /** Each message that a response stream sends; the same. */
  onMessageOut?(context: MiddlewareContext, message: unknown, settings: Settings): unknown;
  /** Once, after the last call: when a plugin is unloaded, or the service ends. */
  destroy?(): unknown;
}

type PhaseResult = Answer | void | undefined | Promise<Answer | void | undefined>;
