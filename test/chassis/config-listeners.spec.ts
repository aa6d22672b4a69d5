import { Injectable, Module, Scope, type Type } from '@nestjs/common';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Config, OnConfigChange, type ConfigChange } from '#chassis/config';
import { DrainHooks } from '#chassis/lifecycle';
import { Follower, FollowersModule, FollowingController } from '../support/followers.js';
import { eventually, TestApp } from '../support/index.js';
import { liveService, type LiveKeys } from '../support/live-service.js';
import { Scrape } from '../support/scrape.js';

const directory = mkdtempSync(join(tmpdir(), 'config-listeners-'));
const file = join(directory, 'app.yaml');
const lines: Record<string, unknown>[] = [];
let app: TestApp;
let follower: Follower;
let config: Config<LiveKeys>;

function write(text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
async function greet(text: string): Promise<void> {
  write(`GREETING: ${text}\n`);
  await eventually(`GREETING is ${text}`, () => config.values.GREETING === text);
}
const start = (...imports: Type[]) =>
  TestApp.start({
    service: liveService,
    imports,
    config: { CONFIG_FILES: file, LOG_LEVEL: 'error', LOG_FORMAT: 'json' },
    logTo: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });

beforeAll(async () => {
  write('GREETING: one\n');
  app = await start(FollowersModule);
  follower = app.get(Follower);
  config = app.get(Config) as unknown as Config<LiveKeys>;
});
beforeEach(async () => {
  follower.work = () => undefined;
  await greet('one');
  await eventually('all is told', () => follower.ended === follower.heard.length);
  follower.heard.length = follower.ended = 0;
});
afterAll(async () => {
  await app.stop();
  rmSync(directory, { recursive: true });
});

test('is called after a change of one of its keys, with old and new, and reads what holds now', async () => {
  write('GREETING: two\nFAREWELL: two\n');
  await eventually('it is told', () => follower.ended === 1);
  const [{ change, seen } = {}] = follower.heard;
  expect(seen).toBe('two');
  expect(change).toMatchObject({ previous: { GREETING: 'one' }, next: { GREETING: 'two' } });
  expect([...(change?.keys ?? [])].toSorted()).toEqual(['FAREWELL', 'GREETING']);
  expect(change?.revision).toBe(config.revision);
});

test('is not called for other keys, and a controller is called as well', async () => {
  write('GREETING: one\nFAREWELL: other\n');
  await eventually('it holds', () => config.values.FAREWELL === 'other');
  write('GREETING: one\nFAREWELL: other\nLOG_LEVELS: Database=debug\n');
  await eventually('the controller is told', () => app.get(FollowingController).levels === 'Database=debug');
  // Had it been told of FAREWELL, that would stand before this.
  expect(follower.heard.map(({ change }) => [...change.keys])).toEqual([['LOG_LEVELS']]);
});

test('is called for a key that its own class brings along', async () => {
  write('GREETING: one\nFOLLOWER_PACE: 7\n');
  await eventually('it is told', () => follower.ended === 1);
  expect(follower.heard[0]?.change.next.FOLLOWER_PACE).toBe(7);
});

test('is called for a key that is not set at the start, and when its value is taken away', async () => {
  @Injectable()
  class Footer {
    readonly heard: unknown[] = [];

    @OnConfigChange<LiveKeys>('FOOTER')
    follow({ next }: ConfigChange<LiveKeys>): void {
      this.heard.push(next.FOOTER);
    }
  }
  @Module({ providers: [Footer] })
  class FooterModule {}
  const other = await start(FooterModule);
  const { heard } = other.get(Footer);
  write('GREETING: one\nFOOTER: foot\n');
  await eventually('it is told', () => heard.length === 1);
  write('GREETING: one\n');
  await eventually('it is told again', () => heard.length === 2);
  expect(heard).toEqual(['foot', undefined]);
  await other.stop();
});

test('is called once at a time, and of every change', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  follower.work = () => promise;
  await greet('two');
  await greet('three');
  await greet('four');
  expect([follower.heard.length, follower.ended]).toEqual([1, 0]);
  resolve();
  await eventually('all are told', () => follower.ended === 3);
  expect(follower.heard.map(({ change }) => change.next.GREETING)).toEqual(['two', 'three', 'four']);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('no room');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no room'))],
])('one that %s is logged and counted, and the change holds', async (_how, work) => {
  const failures = async () =>
    (await Scrape.of(app)).sum('config_listener_failures_total', { listener: 'Follower.follow' });
  const before = await failures();
  lines.length = 0;
  follower.work = work;
  await greet('two');
  await eventually('it is counted', async () => (await failures()) === before + 1);
  expect(config.values.GREETING).toBe('two');
  expect((await app.management.get('/config')).body.refused).toBeNull();
  expect(lines).toContainEqual(
    expect.objectContaining({
      msg: 'a method did not follow the changed configuration',
      listener: 'Follower.follow',
      revision: config.revision,
      err: expect.objectContaining({ message: 'no room' }),
    }),
  );
  follower.work = () => undefined;
  await greet('three');
  await eventually('the next is told', () => follower.ended === 2);
});

test('a drain waits for the call that goes on, and lets no other begin', async () => {
  const other = await start(FollowersModule);
  const ending = other.get(Follower);
  const { promise, resolve } = Promise.withResolvers<void>();
  ending.work = () => promise;
  await greet('two');
  await eventually('it is told', () => ending.heard.length === 1);
  const hooks = other.get(DrainHooks);
  const stopped = other.stop();
  await eventually('the drain waits', () => hooks.running('calls').includes('ConfigListeners.stop'));
  const values = { ...other.service.config.values, LOG_LEVELS: 'Database=debug' };
  expect(await other.service.config.change(values, new Map())).toBeDefined();
  resolve();
  await stopped;
  expect([ending.heard.length, ending.ended]).toEqual([1, 1]);
});

test('what can never be called keeps the service from starting, and all of it is told', async () => {
  @Injectable()
  class Wrong {
    // @ts-expect-error -- no such key
    @OnConfigChange('GREETNG')
    misspelt(): void {}

    @OnConfigChange<LiveKeys>('GREETING', 'FIXED')
    fixed(): void {}
  }
  @Injectable({ scope: Scope.REQUEST })
  class Passing {
    @OnConfigChange('LOG_LEVEL')
    follow(): void {}
  }
  @Module({ providers: [Wrong, Passing] })
  class WrongModule {}
  await expect(start(WrongModule)).rejects.toThrow(
    'Methods with @OnConfigChange would not be called: ' +
      'Wrong.misspelt names GREETNG, a key that no schema has; ' +
      'Wrong.fixed names FIXED, which changes only by a restart; mark it with live(), or leave it out; ' +
      'Passing.follow belongs to a request-scoped or transient provider, of which there is none between calls',
  );
});
