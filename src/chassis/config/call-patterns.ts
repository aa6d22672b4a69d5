import { z } from 'zod';

/** Patterns of routes or rpcs, `*` for any text; may be left out. Read with `matcherOf` of the context. */
export function patterns(example: string) {
  return z
    .array(
      z
        .string()
        .regex(/^[\x21-\x7e]{1,200}$/, `must be a pattern such as ${example}, 200 characters at most`),
    )
    .min(1, 'must have one pattern at least, or be left out')
    .optional();
}

/** The name of a policy, as metrics and the management port show it. */
export function policyName() {
  return z
    .string('must be a name')
    .regex(/^[A-Za-z][\w.-]{0,63}$/, 'must be letters, digits, "_", "." and "-", a letter first, at most 64');
}

/** Methods of the routes, GET with HEAD; may be left out. Read with `matcherOf` of the context. */
export function httpMethods() {
  return z
    .array(z.string().regex(/^[A-Z]{1,20}$/, 'must be an HTTP method such as POST'))
    .min(1, 'must have one method at least, or be left out')
    .optional();
}

/** A structured value as it is, or from JSON: the environment holds text. What is no JSON stays, and is refused. */
export function fromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
