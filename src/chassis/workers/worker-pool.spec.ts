import { pino } from 'pino';
import { expect, test } from 'vitest';
import { WorkerPool } from './worker-pool.js';

test('a pool that ends starts no worker', async () => {
  const pool = new WorkerPool({
    logger: pino({ enabled: false }),
    fork: () => {
      throw new Error('a worker was started');
    },
    onEnd: () => undefined,
    onReplacement: () => Promise.resolve(),
    onCrashLoop: () => undefined,
  });
  await pool.end({ propagate: true });
  expect(await pool.roll({ workers: 2, overrides: {} })).toBeUndefined();
});
