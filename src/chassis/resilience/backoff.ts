export interface BackoffOptions {
  /** Upper bound of the first wait, in milliseconds. @default 50 */
  readonly baseMs: number;
  /** Upper bound of every wait, in milliseconds. @default 2000 */
  readonly maxMs: number;
}

/**
 * Milliseconds to wait before a retry: any time from 0 to min(maxMs, baseMs × 2^(retry − 1)), so that callers
 * which failed together do not come again together. Source: "Exponential Backoff And Jitter", AWS
 * Architecture Blog, full jitter.
 * @param retry 1 for the first one
 * @param random numbers from 0 up to 1
 */
export function fullJitterMs(
  retry: number,
  { baseMs, maxMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  return random() * Math.min(maxMs, baseMs * 2 ** (retry - 1));
}
