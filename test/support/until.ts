import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;

/** Waits for a condition. @throws Error naming what was waited for */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 10_000,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${timeoutMs} ms for ${what}, in vain`);
    await delay(POLL_MS);
  }
}
