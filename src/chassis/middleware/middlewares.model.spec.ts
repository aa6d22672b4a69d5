import { Get } from '@nestjs/common';
import fc from 'fast-check';
import 'reflect-metadata';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HttpCall, runInCall } from '../context/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import type { CallMiddleware, MiddlewareContext } from './call-middleware.js';
import { createHandlerOverlay } from './handler-overlay.js';
import { MiddlewareMetrics } from './middleware.metrics.js';
import { Middlewares, type Registration } from './middlewares.js';
import { Usage } from './usage.js';

const RUNS = process.env['SOAK'] ? 20_000 : 1000;
const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;

type Change =
  | { readonly kind: 'add' | 'remove' | 'enable' | 'disable'; readonly name: string }
  | { readonly kind: 'reorder'; readonly name: string; readonly priority: number };
type Step = Change | { readonly kind: 'call'; readonly fails: boolean } | { readonly kind: 'turn' };

const nameOf = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('add', 'remove', 'enable', 'disable'), name: nameOf }),
  fc.record({ kind: fc.constant('reorder'), name: nameOf, priority: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ kind: fc.constant('call'), fails: fc.boolean() }),
  fc.record({ kind: fc.constant('turn') }),
);

/** Notes its phases on the call; `a`, `c` and `e` take their time, so that changes fall into calls. */
class Noting implements CallMiddleware {
  constructor(private readonly name: string) {}

  preHandle(context: MiddlewareContext): void | Promise<void> {
    return this.#note(context, `pre ${this.name}`);
  }

  recover(context: MiddlewareContext): void | Promise<void> {
    return this.#note(context, `recover ${this.name}`);
  }

  postHandle(context: MiddlewareContext): void | Promise<void> {
    return this.#note(context, `post ${this.name}`);
  }

  #note({ call }: MiddlewareContext, text: string): void | Promise<void> {
    logs.get(call)?.push(text);
    return 'ace'.includes(this.name) ? turn() : undefined;
  }
}

const logs = new WeakMap<object, string[]>();

class Controller {
  async get(fails: boolean): Promise<void> {
    await turn();
    if (fails) throw new Error('told to');
  }
}
Get()(
  Controller.prototype,
  'get',
  Object.getOwnPropertyDescriptor(Controller.prototype, 'get') as PropertyDescriptor,
);

/** What the registry should hold, kept the simple way. */
interface Model {
  readonly priority: number;
  readonly isEnabled: boolean;
}

function expectedOf(model: ReadonlyMap<string, Model>, fails: boolean): string[] {
  const order = [...model]
    .filter(([, { isEnabled }]) => isEnabled)
    .toSorted(([a, x], [b, y]) => y.priority - x.priority || (a < b ? -1 : 1))
    .map(([name]) => name);
  const out = order.toReversed().flatMap((name) => [...(fails ? [`recover ${name}`] : []), `post ${name}`]);
  return [...order.map((name) => `pre ${name}`), ...out];
}

test(`${RUNS} sequences of changes: each call runs what was current at its start, in order, each post and recover matched to its pre`, async () => {
  const metrics = new MiddlewareMetrics(new MetricsRegistry());
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const middlewares = new Middlewares();
      middlewares.measureWith(metrics.seriesOf);
      const controller = createHandlerOverlay(middlewares)(new Controller()) as Controller;
      const registrations = new Map<string, Registration>();
      const model = new Map<string, Model>();
      const calls: Promise<void>[] = [];
      for (const current of steps) {
        if (current.kind === 'turn') await turn();
        else if (current.kind === 'call')
          calls.push(makeCall(controller, current.fails, expectedOf(model, current.fails)));
        else change(middlewares, registrations, model, current);
      }
      await Promise.all(calls);
      expect([...registrations.values()].map(({ usage }) => usage.calls)).toEqual(
        [...registrations].map(() => 0),
      );
    }),
    { numRuns: RUNS },
  );
});

async function makeCall(controller: Controller, fails: boolean, expected: readonly string[]): Promise<void> {
  const call = new HttpCall('r', 'GET', '/');
  const log: string[] = [];
  logs.set(call, log);
  const answer = runInCall(call, () => controller.get(fails));
  if (fails) await expect(answer).rejects.toThrow('told to');
  else await answer;
  expect(log).toEqual(expected);
}

function change(
  middlewares: Middlewares,
  registrations: Map<string, Registration>,
  model: Map<string, Model>,
  { name, ...said }: Change,
): void {
  const known = model.get(name);
  if (said.kind === 'add') {
    if (known) return;
    registrations.set(name, {
      name,
      middleware: new Noting(name),
      options: {},
      source: 'test',
      usage: new Usage(),
    });
    middlewares.prepare({ registrations: new Map(registrations), overrides: without(middlewares, name) })();
    model.set(name, { priority: 0, isEnabled: true });
  } else if (!known) return;
  else if (said.kind === 'remove') {
    registrations.delete(name);
    model.delete(name);
    middlewares.prepare({ registrations: new Map(registrations), overrides: without(middlewares, name) })();
  } else if (said.kind === 'reorder') {
    model.set(name, { ...known, priority: said.priority });
    middlewares.override(name, { priority: said.priority });
  } else {
    model.set(name, { ...known, isEnabled: said.kind === 'enable' });
    middlewares.override(name, { enabled: said.kind === 'enable' });
  }
}

function without({ state }: Middlewares, name: string): ReadonlyMap<string, object> {
  return new Map([...state.overrides].filter(([key]) => key !== name));
}
