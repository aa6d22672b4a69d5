import { from, isObservable, Observable, of } from 'rxjs';
import { callCancelled } from '../errors/index.js';
import { isAsyncIterable } from '../streams/index.js';
import { ALL_ATTEMPTS, Attempt, type Work } from './attempt.js';
import { openIterable } from './opened-iterable.js';
import { openObservable } from './opened-observable.js';
import type { Policy } from './policy.js';

/** What a method that is put under a policy was called with. */
export interface Invocation {
  readonly invoke: () => unknown;
  readonly isIdempotent: boolean;
  readonly args: readonly unknown[];
  readonly self: unknown;
}

/** Runs what answers a value or a stream, or a promise of either; a stream is open when the promise resolves. */
export function runAny(policy: Policy, { invoke, isIdempotent, args, self }: Invocation): Promise<unknown> {
  const waits = waitsForFirst(policy);
  const work: Work<unknown> = (attempt) => {
    const result = invoke();
    if (result instanceof Promise) return result.then((value) => open(value, attempt, waits));
    return open(result, attempt, waits);
  };
  return policy.run(work, isIdempotent, args, self);
}

/** The messages of an async iterable; it begins when the first one is asked for. */
export async function* runIterable(policy: Policy, invocation: Invocation): AsyncGenerator {
  const answer = await runAny(policy, invocation);
  // A step of the fallback may answer otherwise than the method.
  if (isAsyncIterable(answer)) yield* answer;
  else yield* toIterable(answer);
}

/** The messages of an observable; it begins with the subscription. */
export function runObservable(policy: Policy, invocation: Invocation): Observable<unknown> {
  return new Observable((subscriber) => {
    // Around everything that the policy does, waits and hedges included, until the subscription ends.
    const all = new Attempt(ALL_ATTEMPTS);
    const { isIdempotent, args, self } = invocation;
    const work: Work<unknown> = (attempt) => open(invocation.invoke(), attempt, waitsForFirst(policy));
    all
      .run(() => policy.run(work, isIdempotent, args, self))
      .then(
        (answer) => subscriber.add(toObservable(answer).subscribe(subscriber)),
        (error: unknown) => subscriber.error(error),
      );
    return () => all.abort(callCancelled());
  });
}

/** Only what may be done again, or must come in time, has to be waited for. */
function waitsForFirst({ parts }: Policy): boolean {
  const { retry, hedge, fallback, timeoutMs, totalTimeoutMs } = parts;
  return Boolean(retry ?? hedge ?? fallback ?? timeoutMs ?? totalTimeoutMs);
}

function open(result: unknown, attempt: Attempt, waits: boolean): unknown {
  if (isObservable(result)) return openObservable(result, attempt, waits);
  return isAsyncIterable(result) ? openIterable(result, attempt, waits) : result;
}

function toObservable(answer: unknown): Observable<unknown> {
  if (isObservable(answer)) return answer;
  return isAsyncIterable(answer) || Array.isArray(answer) ? from(answer) : of(answer);
}

/** Messages that are there already, or pushed: few, as a step answers them. */
async function* toIterable(answer: unknown): AsyncGenerator {
  const messages: unknown[] = [];
  await toObservable(answer).forEach((message) => void messages.push(message));
  yield* messages;
}
