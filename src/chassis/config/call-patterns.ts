import { z } from 'zod';
import type { CallPatterns } from '../context/index.js';
import type { Refuse } from './entries.js';

/** Patterns of routes or rpcs, `*` for any text; may be left out. */
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

/** Which calls an entry is for. Read with `matcherOf` of the context. */
export const callPatterns = {
  routes: patterns('/v1/orders/*'),
  /** Of the routes, GET with HEAD. */
  methods: z
    .array(z.string().regex(/^[A-Z]{1,20}$/, 'must be an HTTP method such as POST'))
    .min(1, 'must have one method at least, or be left out')
    .optional(),
  rpcs: patterns('orders.v1.OrderService/*'),
};

/** For entries that are for every call when they name none. */
export function checkMethods({ routes, methods, rpcs }: CallPatterns, refuse: Refuse): void {
  if (methods && !routes && rpcs) refuse('methods', 'is for routes; add them, or leave it out');
}
