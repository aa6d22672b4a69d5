import { setTimeout as sleep } from 'node:timers/promises';

const MAX_PAUSE_MS = 50;

/** Waits until `condition` holds, at most `limitMs` milliseconds; then fails with `what`. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const begin = Date.now();
  while (!(await condition())) {
    const waited = Date.now() - begin;
    if (waited > limitMs) throw new Error(`Not within ${limitMs} ms: ${what}`);
    // What takes long is asked for less often: the processor is for what is waited for.
    await sleep(Math.min(10 + waited / 20, MAX_PAUSE_MS));
  }
}
