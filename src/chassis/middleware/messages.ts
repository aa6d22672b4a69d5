import { isObservable, Observable, of, Subscriber } from 'rxjs';
import { Unvalidated } from '../pipeline/index.js';
import { fromMessages, isAsyncIterable, leaveMessages } from '../streams/index.js';
import type { Passage } from './passage.js';

/** What a middleware answers a response stream with, as its messages. */
export function messagesOf(value: unknown): Observable<unknown> {
  if (isObservable(value)) return value;
  return isAsyncIterable(value) ? fromMessages(value) : of(value);
}

/** Puts the hooks of incoming messages around the request stream among the arguments, before its validation. */
export function readMessages(args: unknown[], passage: Passage): void {
  if (!passage.links.some(({ messageIn }) => messageIn)) return;
  const [arg] = args;
  const messages = arg instanceof Unvalidated ? arg.value : arg;
  if (!isAsyncIterable(messages)) return;
  const hooked = hookIn(messages, passage);
  args[0] = arg instanceof Unvalidated ? arg.with(hooked) : hooked;
}

/** Outermost first. */
async function* hookIn(messages: AsyncIterable<unknown>, passage: Passage): AsyncGenerator {
  for await (let message of messages) {
    passage.now = performance.now();
    for (const { messageIn, settings } of passage.links)
      message = messageIn?.run(passage, message, settings) ?? message;
    yield message;
  }
}

/** A response stream, innermost hook first; the passage is over when the stream is. */
export function followMessages(source: Observable<unknown>, passage: Passage): Observable<unknown> {
  const hooked = passage.links.filter(({ messageOut }) => messageOut).toReversed();
  const hookOut = (sent: unknown): unknown => {
    let message = sent;
    passage.now = performance.now();
    for (const { messageOut, settings } of hooked)
      message = messageOut?.run(passage, message, settings) ?? message;
    return message;
  };
  return new Observable((subscriber) => {
    let isOver = false;
    const end = (leave: () => unknown): void => {
      if (isOver) return;
      isOver = true;
      void tellEnd(leave, subscriber);
    };
    const inner = new Subscriber<unknown>({
      next: (message) => {
        try {
          subscriber.next(hooked.length === 0 ? message : hookOut(message));
        } catch (error) {
          leaveMessages(inner);
          end(() => passage.fail(error));
        }
      },
      error: (error: unknown) => end(() => passage.fail(error)),
      complete: () => end(() => passage.succeed(undefined)),
    });
    source.subscribe(inner);
    return () => {
      leaveMessages(inner);
      if (!isOver) passage.abandon();
      isOver = true;
    };
  });
}

/** The end of a stream, after whatever a middleware gives in the place of a failure. */
async function tellEnd(leave: () => unknown, subscriber: Subscriber<unknown>): Promise<void> {
  try {
    const instead = await leave();
    if (instead === undefined) subscriber.complete();
    else messagesOf(instead).subscribe(subscriber);
  } catch (error) {
    subscriber.error(error);
  }
}
