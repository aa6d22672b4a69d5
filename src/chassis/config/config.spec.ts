import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HttpCall, runInCall } from '../context/index.js';
import { Config } from './config.js';

interface Values {
  readonly color: string;
  readonly size: number;
}

const newConfig = () => new Config<Values>({ color: 'red', size: 1 }, new Map());
const none = new Map();

function newCall(config: Config<Values>): HttpCall {
  const call = new HttpCall('request', 'GET', '/');
  call.settings = config.settings;
  return call;
}

test('a change that one refuses is none, and what others had got ready is dropped', async () => {
  const config = newConfig();
  const seen: string[] = [];
  config.prepareChange(['size'], () => ({
    commit: () => seen.push('commit'),
    discard: () => seen.push('discard'),
  }));
  config.prepareChange(['color'], () => {
    throw new Error('no green');
  });
  await expect(config.change({ color: 'green', size: 2 }, none)).rejects.toThrow('no green');
  expect(seen).toEqual(['discard']);
  expect(config.values).toEqual({ color: 'red', size: 1 });
  expect(config.revision).toBe(1);
});

test('who is not ready in time refuses, and what comes later is dropped', async () => {
  const config = newConfig();
  const seen: string[] = [];
  const ready = Promise.withResolvers<void>();
  config.prepareChange(['size'], async () => {
    await ready.promise;
    return { commit: () => seen.push('commit'), discard: () => seen.push('discard') };
  });
  await expect(config.change({ color: 'red', size: 2 }, none, 20)).rejects.toThrow(
    'not ready for it within 20 ms',
  );
  ready.resolve();
  await sleep(0);
  expect(seen).toEqual(['discard']);
  expect(config.get('size')).toBe(1);
});

test('changes that overlap are made one after the other, also after one that was refused', async () => {
  const config = newConfig();
  config.prepareChange(['size'], async ({ next }) => {
    await sleep(next.size === 2 ? 20 : 0);
    if (next.size === 3) throw new Error('no three');
    return { commit: () => undefined };
  });
  const sizes = [2, 3, 4].map((size) => config.change({ color: 'red', size }, none));
  const results = await Promise.allSettled(sizes);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect([config.get('size'), config.revision]).toEqual([4, 3]);
});

test('one subscriber that fails keeps no other from the change', async () => {
  const config = newConfig();
  const taken: number[] = [];
  const fault = new Error('must not fail');
  config.onChange(['size'], () => {
    throw fault;
  });
  config.onChange(['size'], ({ next }) => taken.push(next.size));
  expect(await config.change({ color: 'red', size: 2 }, none)).toMatchObject({
    revision: 2,
    faults: [fault],
  });
  expect(taken).toEqual([2]);
});

test('a call keeps the values that it began with, until it has ended; all else sees the newest', async () => {
  const config = newConfig();
  const early = newCall(config);
  const another = new Config<Values>({ color: 'blue', size: 9 }, none);
  // The subscriber of a change that a call asked for is no part of the call.
  const heard: string[] = [];
  config.onChange(['color'], () => heard.push(config.get('color')));
  await runInCall(early, () => config.change({ color: 'green', size: 2 }, none));
  await another.change({ color: 'black', size: 9 }, none);
  expect(heard).toEqual(['green']);
  expect(config.get('color')).toBe('green');
  expect(runInCall(early, () => [config.get('color'), config.get('size')])).toEqual(['red', 1]);
  expect(runInCall(early, () => [config.values.color, another.get('color')])).toEqual(['green', 'black']);
  expect(runInCall(newCall(config), () => config.get('color'))).toBe('green');
  early.close();
  expect(runInCall(early, () => config.get('color'))).toBe('green');
});
