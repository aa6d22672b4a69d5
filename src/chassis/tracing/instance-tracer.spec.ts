import { Controller, forwardRef, Get, Injectable, Module, SetMetadata } from '@nestjs/common';
import { SpanStatusCode } from '@opentelemetry/api';
import { lastValueFrom, Observable, of, throwError, toArray } from 'rxjs';
import { beforeEach, describe, expect, test } from 'vitest';
import { currentScope, runInScope, Scope } from '../context/index.js';
import { ServiceError } from '../errors/index.js';
import { applicationClasses } from './application-classes.js';
import { createInstanceTracer } from './instance-tracer.js';
import type { RecordingSpan } from './recording-span.js';
import { Sampler } from './sampler.js';
import { Traced, Untraced } from './traced.decorator.js';
import { Tracer } from './tracer.js';

const ended: RecordingSpan[] = [];
const tracer = new Tracer(new Sampler(1, true), { accept: (span) => void ended.push(span) });
beforeEach(() => {
  ended.length = 0;
});

@Injectable()
class Clerk {
  readonly #secret = 42;
  name = 'clerk';

  get computed(): never {
    throw new Error('A getter is no method');
  }

  now(add: number): number {
    return this.#secret + add;
  }

  @SetMetadata('mark', 'kept')
  async later(): Promise<string> {
    await Promise.resolve();
    return this.name + this.now(0);
  }

  fails(): never {
    throw new TypeError('inside');
  }

  async refuses(): Promise<never> {
    await Promise.resolve();
    throw new ServiceError({ code: 'NOT_FOUND', reason: 'GONE', message: 'gone' });
  }

  watch(): Observable<unknown> {
    return new Observable((subscriber) => {
      subscriber.next(currentScope()?.span);
      subscriber.complete();
    });
  }

  async *each(): AsyncGenerator {
    yield currentScope()?.span;
    await Promise.resolve();
    yield currentScope()?.span;
  }

  thenable(): object {
    // oxlint-disable-next-line unicorn/no-thenable -- what is tested
    return { then: () => expect.fail('Nobody may wait for a thenable that is no promise') };
  }

  @Untraced()
  quiet(): string {
    return 'quiet';
  }

  onModuleInit(): void {}
}

class Stranger {
  @Traced()
  seen(): void {}
  unseen(): void {}
}

class Door {
  canActivate(): boolean {
    return true;
  }
}

const trace = createInstanceTracer(tracer, { classes: new Set([Clerk]), excluded: new Set(['Clerk.now']) });
const clerk = trace(new Clerk()) as Clerk;

/** Runs `work` in a sampled span, as a call does. */
function inSpan<T>(work: () => T): T {
  return runInScope(new Scope(undefined, tracer.startServerSpan(undefined, Date.now())), work);
}

const names = (): string[] => ended.map(({ name }) => name);

describe('a traced instance', () => {
  test('keeps this, private fields, properties, getters and metadata', async () => {
    expect(clerk).toBeInstanceOf(Clerk);
    expect(await inSpan(() => clerk.later())).toBe('clerk42');
    expect(Reflect.getMetadata('mark', clerk['later'])).toBe('kept');
    expect([clerk['later'].name, clerk['now'].length]).toEqual(['later', 1]);
    expect(names()).toEqual(['Clerk.later']);
  });

  test('returns at once what was returned at once', () => {
    expect(inSpan(() => clerk.now(1))).toBe(43);
    expect(inSpan(() => (trace(new Door()) as Door).canActivate())).toBe(true);
    expect(names()).toEqual(['Door.canActivate']);
  });

  test('makes no span outside of a call, nor in one that is not sampled', async () => {
    await clerk.later();
    const unsampled = new Tracer(new Sampler(0, true), { accept: () => {} }).startServerSpan(
      undefined,
      Date.now(),
    );
    await runInScope(new Scope(undefined, unsampled), () => clerk.later());
    expect(ended).toEqual([]);
  });

  test('ends a span with what was thrown', async () => {
    expect(() => inSpan(() => clerk.fails())).toThrow('inside');
    await expect(inSpan(() => clerk.refuses())).rejects.toThrow('gone');
    const [thrown, refused] = ended;
    expect(thrown?.status?.code).toBe(SpanStatusCode.ERROR);
    expect(thrown?.events?.[0]?.attributes).toMatchObject({ 'exception.message': 'inside' });
    expect(refused?.attributes).toEqual(['error.type', 'GONE']);
    expect(refused?.events).toBeUndefined();
  });

  test('an observable works in its span, which ends with it', async () => {
    const watched = inSpan(() => clerk.watch());
    expect(ended).toEqual([]);
    const [span] = await lastValueFrom(watched.pipe(toArray()));
    expect(ended).toEqual([span]);
  });

  test('each step of an iteration works in its span, which ends with it', async () => {
    const spans = new Set<unknown>();
    for await (const span of inSpan(() => clerk.each())) spans.add(span);
    expect([...spans]).toEqual(ended);
    const iterator = inSpan(() => clerk.each());
    await iterator.next();
    await iterator.return(undefined);
    expect(names()).toEqual(['Clerk.each', 'Clerk.each']);
  });

  test('leaves alone what only looks like a promise', () => {
    expect(inSpan(() => clerk.thenable())).toHaveProperty('then');
    expect(names()).toEqual(['Clerk.thenable']);
  });

  test('@Untraced and @Traced decide', () => {
    const stranger = trace(new Stranger()) as Stranger;
    inSpan(() => {
      clerk.quiet();
      stranger.seen();
      stranger.unseen();
    });
    expect(names()).toEqual(['Stranger.seen']);
  });
});

test.each([null, undefined, 7, 'text', Object.freeze(new Clerk()), {}, () => {}])(
  '%s passes as it is',
  (value) => {
    expect(trace(value)).toBe(value);
  },
);

test('the classes of an application are those of its own static modules', () => {
  @Controller()
  class Http {
    @Get()
    get(): void {}
  }
  class Guard {
    canActivate = () => true;
  }
  class Friend {
    meet = () => '';
  }
  class Library {
    read = () => '';
  }
  @Module({ controllers: [Http], providers: [Clerk, { provide: 'X', useValue: 1 }] })
  class Feature {}
  @Module({ imports: [forwardRef(() => App)], providers: [Friend] })
  class Mutual {}
  @Module({ providers: [Library] })
  class Dynamic {}
  @Module({
    imports: [Feature, forwardRef(() => Mutual), { module: Dynamic, providers: [Library] }],
    providers: [{ provide: 'GUARD', useClass: Guard }],
  })
  class App {}
  expect(applicationClasses(App)).toEqual(new Set([Http, Clerk, Friend, Guard]));
});

test('rxjs errors reach the subscriber and the span', async () => {
  class Failing {
    run(): Observable<never> {
      return throwError(() => new RangeError('late'));
    }
    fine(): Observable<number> {
      return of(1);
    }
  }
  const failing = createInstanceTracer(tracer, { classes: new Set([Failing]), excluded: new Set() })(
    new Failing(),
  ) as Failing;
  await expect(lastValueFrom(inSpan(() => failing.run()))).rejects.toThrow('late');
  expect(await lastValueFrom(inSpan(() => failing.fine()))).toBe(1);
  expect(ended.map(({ name, status }) => [name, status?.code])).toEqual([
    ['Failing.run', SpanStatusCode.ERROR],
    ['Failing.fine', undefined],
  ]);
});
