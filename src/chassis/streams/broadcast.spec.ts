import { expect, test } from 'vitest';
import { Broadcast } from './broadcast.js';

async function take<T>(values: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const value of values) if (taken.push(value) === count) break;
  return taken;
}

test('every subscriber gets everything from its subscription on, in order', async () => {
  const broadcast = new Broadcast<number>();
  const early = broadcast.subscribe();
  broadcast.publish(1);
  const late = broadcast.subscribe();
  broadcast.publish(2);
  broadcast.publish(3);
  expect(await take(early, 3)).toEqual([1, 2, 3]);
  expect(await take(late, 2)).toEqual([2, 3]);
});

test('wakes a subscriber that waits', async () => {
  const broadcast = new Broadcast<number>();
  const next = broadcast.subscribe().next();
  broadcast.publish(7);
  expect(await next).toEqual({ done: false, value: 7 });
});

test('leaving the loop ends the subscription', async () => {
  const broadcast = new Broadcast<number>();
  const values = broadcast.subscribe();
  broadcast.publish(1);
  await take(values, 1);
  expect(broadcast.isIdle).toBe(true);
});

test('an abort ends a waiting subscriber with the reason, and one that subscribes too late', async () => {
  const broadcast = new Broadcast<number>();
  const controller = new AbortController();
  const next = broadcast.subscribe(controller.signal).next();
  controller.abort(new Error('gone'));
  await expect(next).rejects.toThrow('gone');
  await expect(broadcast.subscribe(controller.signal).next()).rejects.toThrow('gone');
  expect(broadcast.isIdle).toBe(true);
});

test('a failure comes after what was published before it, once', async () => {
  const broadcast = new Broadcast<number>();
  const values = broadcast.subscribe();
  broadcast.publish(1);
  broadcast.fail(new Error('lost'));
  expect(await values.next()).toEqual({ done: false, value: 1 });
  await expect(values.next()).rejects.toThrow('lost');
  expect(await values.next()).toEqual({ done: true, value: undefined });
});

test('a subscriber that falls too far behind is told, and the others are not held up', async () => {
  const broadcast = new Broadcast<number>();
  const slow = broadcast.subscribe(undefined, 2);
  const fast = broadcast.subscribe();
  for (const value of [1, 2, 3]) broadcast.publish(value);
  expect(await take(fast, 3)).toEqual([1, 2, 3]);
  expect([await slow.next(), await slow.next()].map(({ value }) => value as number)).toEqual([1, 2]);
  await expect(slow.next()).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'SUBSCRIBER_TOO_SLOW',
  });
});
