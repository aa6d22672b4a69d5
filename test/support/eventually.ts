import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `condition` holds, at most `limitMs` milliseconds; then fails with `what`. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Not within ${limitMs} ms: ${what}`);
    await sleep(10);
  }
}
