import { z } from 'zod';

/** What is wrong with a key although its own schema takes its value. */
export interface KeyFault {
  readonly path: readonly string[];
  readonly message: string;
}

type IntegerField = ReturnType<typeof makeInteger>;

/** By bounds: a hundred keys share a few of them, and each field is a dozen objects to make at every start. */
const integers = new Map<string, IntegerField>();

/** A whole number, also from the text that an environment variable holds. */
export function integer(min: number, max: number): IntegerField {
  const bounds = `${min} ${max}`;
  let field = integers.get(bounds);
  if (field === undefined) integers.set(bounds, (field = makeInteger(min, max)));
  return field;
}

function makeInteger(min: number, max: number) {
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

/** A share from 0 to 1. */
export function ratio() {
  const number = z.number().min(0).max(1);
  const text = z
    .string()
    .regex(/^(0(\.\d+)?|1(\.0+)?)$/)
    .transform(Number);
  return z.union([number, text], { error: 'must be a ratio from 0 to 1' });
}

/** `true` or `false`, which are text in the environment. */
export function flag(value: 'true' | 'false') {
  return z.enum(['true', 'false']).default(value);
}

/** A URL; empty stands for none. */
export function optionalUrl(protocol: RegExp, error: string) {
  return z.union([z.literal(''), z.url({ protocol, error })]).default('');
}

/** Of HTTP, with or without TLS. */
export function optionalHttpUrl() {
  return optionalUrl(/^https?$/, 'must be an http:// or https:// URL');
}

/** A key whose value may change while the service runs; every other needs a restart. */
export function live<T extends z.ZodType>(schema: T): T {
  return schema.meta({ live: true });
}

/** Whether `live()` made it. */
export function isLive(schema: z.ZodType): boolean {
  return schema.meta()?.['live'] === true;
}
