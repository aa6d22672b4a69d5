import 'reflect-metadata';
import { GuardsConsumer } from '@nestjs/core/guards/guards-consumer.js';
import fc from 'fast-check';
import { of, throwError } from 'rxjs';
import { expect, test } from 'vitest';
import { askGuardsAtOnce } from './ask-guards.js';

type Ask = (this: GuardsConsumer, ...parameters: unknown[]) => unknown;

const consumers = GuardsConsumer.prototype as unknown as { tryActivate: Ask };
const asNestDoes = consumers.tryActivate;
askGuardsAtOnce();
const atOnce = consumers.tryActivate;

const ANSWERS: Readonly<Record<string, () => unknown>> = {
  yes: () => true,
  no: () => false,
  'yes later': async () => true,
  'no later': async () => false,
  'yes by observable': () => of(false, true),
  'no by observable': () => of(true, false),
  'an observable later': async () => of(true),
  nothing: () => undefined,
  'something else': () => 'yes',
  fails: () => {
    throw new Error('a fault');
  },
  'fails later': async () => {
    throw new Error('a late fault');
  },
  'fails by observable': () => throwError(() => new Error('an observed fault')),
};

const orders = new Date();

test('guards are asked one after the other and their answers count as they do with Nest', async () => {
  const names = fc.constantFrom(...Object.keys(ANSWERS), 'yes', 'yes later');
  await fc.assert(
    fc.asyncProperty(fc.array(names, { maxLength: 6 }), async (guards) => {
      expect(await outcomeOf(atOnce, guards)).toEqual(await outcomeOf(asNestDoes, guards));
    }),
    { numRuns: 500 },
  );
});

test('nobody has to wait for guards that answer at once', () => {
  const guards = [{ canActivate: () => true }, { canActivate: () => true }];
  expect(atOnce.call(new GuardsConsumer(), guards, [], orders, () => 1, 'http')).toBe(true);
});

/** Who was asked, with what, and what came of it. */
async function outcomeOf(tryActivate: Ask, names: readonly string[]) {
  const asked: unknown[] = [];
  const guards = names.map((name) => ({
    canActivate: (context: { getType(): string; getClass(): unknown; getArgs(): unknown }) => {
      asked.push([name, context.getType(), context.getClass(), context.getArgs()]);
      return ANSWERS[name]?.();
    },
  }));
  const run = async () =>
    Boolean(await tryActivate.call(new GuardsConsumer(), guards, ['a'], orders, () => 1, 'rpc'));
  const result = await run().catch(String);
  return { asked, result };
}
