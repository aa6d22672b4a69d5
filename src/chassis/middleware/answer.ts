/** An answer that a middleware gives in the handler's place; made by `answer`. */
export class Answer {
  constructor(
    /** What the handler would have returned: a body, a message, or for a response stream also many of them. */
    readonly value: unknown,
  ) {}
}

/**
 * Returned by `preHandle`, it answers the call at once; returned by `recover`, it answers in the place of the
 * failure. It passes what a handler's result passes: serialiser, outer middlewares. A response stream takes one
 * message, an `Observable` or an `AsyncIterable`.
 *
 * @example
 * ```ts
 * preHandle({ call }: MiddlewareContext) {
 *   const known = this.answers.get(call.requestId);
 *   if (known) return answer(known);
 * }
 * ```
 */
export function answer(value: unknown): Answer {
  return new Answer(value);
}
