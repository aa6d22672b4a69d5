import { Module } from '@nestjs/common';
import { z } from 'zod';
import { callState } from '#chassis/context';
import { Middleware, type CallMiddleware, type MiddlewareContext, type Outcome } from '#chassis/middleware';
import { LiveRpcs } from './live-service.js';
import { order, ProbeModule, Probes } from './probe.js';
import { Repeated } from './repeated.js';
import type { TestApp } from './test-app.js';

const Settings = z.strictObject({ text: z.string().default('') });
type Settings = z.output<typeof Settings>;
const stampState = callState<string>('stamp');

/** Notes calls that it sees with other settings at their end, or in between, than at their beginning. */
@Middleware({ name: 'stamp', enabled: false, settings: Settings })
export class StampMiddleware implements CallMiddleware<Settings> {
  readonly torn: string[] = [];
  calls = 0;

  preHandle(context: MiddlewareContext, { text }: Settings): void {
    this.calls += 1;
    context.set(stampState, text);
    context.setHeader('x-stamp', text);
  }

  onMessageOut(context: MiddlewareContext, _message: unknown, { text }: Settings): void {
    this.#compare(context, text);
  }

  postHandle(context: MiddlewareContext, _outcome: Outcome, { text }: Settings): void {
    this.#compare(context, text);
  }

  #compare(context: MiddlewareContext, text: string): void {
    const stamp = context.get(stampState);
    if (stamp !== text) this.torn.push(`${context.handler}: ${stamp}, then ${text}`);
  }
}

/** What the load calls, beside `liveService`. */
@Module({ imports: [ProbeModule], providers: [StampMiddleware] })
export class LoadModule {}

export interface LoadReport {
  readonly failures: readonly unknown[];
  /** Calls that have succeeded, by kind. */
  readonly calls: Readonly<Record<string, number>>;
}

type Read = Readonly<Record<string, string>>;

const slow = { ...order('read'), metadata: { wait: '5' } };

/** Every kind of call; each gives what it has read of the configuration, message by message. */
const CALLS: Readonly<Record<string, (app: TestApp) => Promise<readonly Read[]>>> = {
  rest: async (app) => {
    const { status, body } = await app.http.get('/live?wait=5');
    if (status !== 200) throw new Error(`REST answered ${status} ${JSON.stringify(body)}`);
    return [body as Read];
  },
  unary: async (app) => [(await app.grpc.unary(LiveRpcs.unary, slow)).metadata],
  serverStream: async (app) => {
    const read: Read[] = [];
    for await (const { metadata } of app.grpc.serverStream(LiveRpcs.serverStream, slow)) read.push(metadata);
    return read;
  },
  bidi: async (app) => {
    const read: Read[] = [];
    const call = app.grpc.bidi(LiveRpcs.bidi);
    call.write(slow);
    for await (const { metadata } of call as AsyncIterable<typeof slow & { metadata: Read }>) {
      read.push(metadata);
      if (read.length < 3) call.write(slow);
      else call.end();
    }
    return read;
  },
  restQuery: async (app) => {
    const { status, body } = await app.http.get('/probe/select');
    if (status !== 200) throw new Error(`REST answered ${status} ${JSON.stringify(body)}`);
    return [];
  },
  unaryQuery: async (app) => {
    await app.grpc.unary(Probes.unary, order('select'));
    return [];
  },
  streamQuery: async (app) => {
    const answers = app.grpc.serverStream(Probes.serverStream, order('select'));
    let messages = 0;
    for await (const _ of answers) messages += 1;
    if (messages !== 3) throw new Error(`the stream of queries has ended after ${messages} messages`);
    return [];
  },
};

/** Names of the kinds of calls. */
export const LOAD_KINDS = Object.keys(CALLS);

/** @throws when what a call has read, from its first message to its last, is not of one revision */
function assertWhole(read: readonly Read[]): void {
  const texts = new Set(read.flatMap(({ first, last, farewell }) => [first, last, farewell]));
  if (texts.size > 1) throw new Error(`a call has read ${[...texts].join(', ')}`);
}

/** Calls of every kind, two at a time, until what it returns is called. */
export function startLoad(app: TestApp): () => Promise<LoadReport> {
  const kinds = Object.entries(CALLS).map(
    ([name, call]) => [name, new Repeated(async () => assertWhole(await call(app)), 2)] as const,
  );
  return async () => {
    const failures = await Promise.all(kinds.map(([, calls]) => calls.stop()));
    return {
      failures: failures.flat(),
      calls: Object.fromEntries(kinds.map(([name, { count }]) => [name, count])),
    };
  };
}
