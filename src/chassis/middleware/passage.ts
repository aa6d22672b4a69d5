import { Logger } from '@nestjs/common';
import { isObservable } from 'rxjs';
import type { Call, CallState } from '../context/index.js';
import { callCancelled } from '../errors/index.js';
import type { Method } from '../lifecycle/index.js';
import { Unvalidated, validateArguments } from '../pipeline/index.js';
import { Answer } from './answer.js';
import type { MiddlewareContext, Outcome } from './call-middleware.js';
import type { HandlerDescription, Link } from './link.js';
import { followMessages, messagesOf, readMessages } from './messages.js';

const logger = new Logger('Middlewares');

/**
 * One call on its way in through the middlewares, to the handler and out again, like through the layers of an
 * onion. It stays synchronous as long as everything on the way is.
 */
export class Passage implements MiddlewareContext {
  readonly #startedAt = performance.now();
  /** Middlewares whose `preHandle` has let the call in: those and no others see it leave. */
  #entered = 0;
  #hasFailed = false;
  #result: unknown;
  #error: unknown;
  /** Nobody waits for an answer any more. */
  #isAbandoned = false;

  constructor(
    readonly call: Call,
    /** The plan that the call began with, outermost first. */
    readonly links: readonly Link[],
    private readonly description: HandlerDescription,
    private readonly instance: unknown,
    private readonly method: Method,
    private readonly rawArgs: readonly unknown[],
  ) {}

  get handler(): string {
    return this.description.name;
  }

  get tags(): ReadonlySet<string> {
    return this.description.tags;
  }

  get args(): readonly unknown[] {
    return this.rawArgs.map((arg) => (arg instanceof Unvalidated ? arg.value : arg));
  }

  header(name: string): string | undefined {
    const value = this.call.headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  }

  setHeader(name: string, value: string): void {
    this.call.setAnswerHeader(name.toLowerCase(), value);
  }

  get<T>(state: CallState<T>): T | undefined {
    return this.call.get(state);
  }

  require<T>(state: CallState<T>): T {
    const value = this.call.get(state);
    if (value !== undefined) return value;
    throw new Error(
      `Nobody has set "${state.name}" for this call: give the middleware that sets it a higher priority, and the ` +
        'same handlers',
    );
  }

  set<T>(state: CallState<T>, value: T): void {
    this.call.set(state, value);
  }

  /** What Nest gets from the handler's method: the answer, a stream of it, or a promise of either. */
  run(): unknown {
    this.call.isInPipeline = true;
    for (const { usage } of this.links) usage.enter();
    return this.#enter(0);
  }

  /** What stands within has ended well. */
  succeed(result: unknown): unknown {
    this.#result = result;
    return this.#leave();
  }

  /** What stands within has failed. */
  fail(error: unknown): unknown {
    this.#hasFailed = true;
    this.#error = error;
    return this.#leave();
  }

  /** Who would read the answer is gone. */
  abandon(): void {
    this.#isAbandoned = true;
    const end = async (): Promise<unknown> => this.fail(this.call.abortReason ?? callCancelled());
    // The reason that it was given; nobody is left to hear it.
    end().catch(() => undefined);
  }

  #enter(index: number): unknown {
    const link = this.links[index];
    if (!link) return this.#work();
    if (!link.pre) return this.#goOn(undefined, index);
    let early: unknown;
    try {
      early = link.pre.run(this.call, this, link.settings, undefined);
    } catch (error) {
      return this.fail(error);
    }
    if (!(early instanceof Promise)) return this.#goOn(early, index);
    return early.then(
      (value) => {
        const { abortReason } = this.call;
        if (!abortReason) return this.#goOn(value, index);
        this.#entered = index + 1;
        return this.fail(abortReason);
      },
      (error: unknown) => this.fail(error),
    );
  }

  /** The middleware at `index` has let the call in. */
  #goOn(early: unknown, index: number): unknown {
    this.#entered = index + 1;
    if (!(early instanceof Answer)) return this.#enter(index + 1);
    const link = this.links[index];
    if (link) this.#decidedBy(link, 'answered');
    return this.#settle(isResponseStream(this.call) ? messagesOf(early.value) : early.value);
  }

  #work(): unknown {
    let result: unknown;
    try {
      const args = [...this.rawArgs];
      if (this.call.transport === 'grpc') readMessages(args, this);
      validateArguments(args);
      result = this.method.apply(this.instance, args);
    } catch (error) {
      return this.fail(error);
    }
    return this.#settle(result);
  }

  #settle(result: unknown): unknown {
    if (isThenable(result)) {
      return Promise.resolve(result).then(
        (value) => this.#settle(value),
        (error: unknown) => this.fail(error),
      );
    }
    if (!isObservable(result)) return this.succeed(result);
    // A call that is over has nobody who would subscribe.
    return this.call.abortReason ? this.fail(this.call.abortReason) : followMessages(result, this);
  }

  /** Outwards, from the innermost middleware that was entered. */
  #leave(): unknown {
    while (this.#entered > 0) {
      this.#entered -= 1;
      const link = this.links[this.#entered];
      if (!link) continue;
      const recovering = this.#hasFailed && !this.#isAbandoned ? this.#recover(link) : undefined;
      if (recovering) return recovering.then(() => this.#post(link)).then(() => this.#leave());
      const ending = this.#post(link);
      if (ending) return ending.then(() => this.#leave());
    }
    this.call.isInPipeline = false;
    for (const { usage } of this.links) usage.leave();
    if (this.#hasFailed) throw this.#error;
    return this.#result;
  }

  /** Never throws: what `recover` throws is the new failure. */
  #recover(link: Link): Promise<void> | undefined {
    if (!link.recover) return undefined;
    const fail = (error: unknown): void => {
      this.#error = error;
    };
    try {
      const value = link.recover.run(this.call, this, this.#error, link.settings);
      if (value instanceof Promise) return value.then((late) => this.#recovered(link, late), fail);
      this.#recovered(link, value);
    } catch (error) {
      fail(error);
    }
    return undefined;
  }

  #recovered(link: Link, value: unknown): void {
    if (!(value instanceof Answer)) return;
    this.#decidedBy(link, 'recovered');
    this.#hasFailed = false;
    this.#error = undefined;
    this.#result = value.value;
  }

  /** Never throws: a call that went well fails with what `postHandle` throws, one that failed keeps its failure. */
  #post(link: Link): Promise<void> | undefined {
    if (!link.post) return undefined;
    const outcome: Outcome = {
      hasFailed: this.#hasFailed,
      result: this.#result,
      error: this.#error,
      durationMs: performance.now() - this.#startedAt,
    };
    const fail = (error: unknown): void => this.#postFailed(link, error);
    try {
      const ending = link.post.run(this.call, this, outcome, link.settings);
      if (ending instanceof Promise) return ending.then(() => undefined, fail);
    } catch (error) {
      fail(error);
    }
    return undefined;
  }

  #postFailed(link: Link, error: unknown): void {
    if (this.#hasFailed) {
      logger.error(
        { err: error, middleware: link.name },
        'postHandle failed; the call keeps the failure that it had',
      );
      return;
    }
    this.#hasFailed = true;
    this.#error = error;
    this.#result = undefined;
    this.call.middleware = link.name;
  }

  #decidedBy({ name }: Link, outcome: 'answered' | 'recovered'): void {
    this.call.middleware = name;
    const { span } = this.call;
    if (span?.isRecording() === true) span.addEvent(`middleware.${outcome}`, { 'middleware.name': name });
  }
}

function isResponseStream(call: Call): boolean {
  return call.transport === 'grpc' && call.responses !== undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
