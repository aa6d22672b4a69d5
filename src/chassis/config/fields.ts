import { z } from 'zod';

/** A whole number, also from the text that an environment variable holds. */
export function integer(min: number, max: number) {
  const number = z.int().min(min).max(max);
  const text = z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(number);
  return z.union([number, text], { error: `must be a whole number from ${min} to ${max}` });
}

/** A time in milliseconds, a day at most. */
export function durationMs(min = 1) {
  return integer(min, 86_400_000);
}
