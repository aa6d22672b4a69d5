import { z } from 'zod';
import { GRPC_CODES, type Code } from '../errors/primary.js';
import { callPatterns, patterns } from './call-patterns.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CODES = Object.keys(GRPC_CODES) as [Code, ...Code[]];

const whole = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int(error).min(min, error).max(max, error);
};

const Header = z.strictObject({
  name: z
    .string('must be the name of a header')
    .regex(/^[A-Za-z][\w-]{0,63}$/, 'must be letters, digits, "_" and "-", a letter first, at most 64')
    .transform((name) => name.toLowerCase()),
  value: z
    .string('must be text')
    .regex(/^[\x20-\x7e]{1,200}$/, 'must be 1 to 200 visible ASCII characters')
    .optional(),
});

const percentage = z
  .number('must be a number above 0, at most 100')
  .gt(0, 'must be above 0')
  .lte(100, 'must be 100 at most');

/** What every kind has: which work it is done to, and how long. */
const common = {
  id: z
    .string('must be an id')
    .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'must be letters, digits, "_", "." and "-", at most 64')
    .optional(),
  ...callPatterns,
  dependencies: patterns('database, redis or client:payments'),
  header: Header.optional(),
  percentage: percentage.default(100),
  until: z.iso.datetime({ offset: true, error: 'must be a time such as 2030-01-31T10:00:00Z' }).optional(),
  durationMs: whole(1, DAY_MS).optional(),
};

const AnyFault = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      ...common,
      kind: z.literal('latency'),
      delayMs: whole(1, HOUR_MS),
      jitterMs: whole(0, HOUR_MS).default(0),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('abort'),
      code: z.enum(CODES, { error: `must be one of ${CODES.join(', ')}` }),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('cut'),
      afterMessages: whole(0, 1_000_000).optional(),
      afterMs: whole(1, DAY_MS).optional(),
    }),
    z.strictObject({ ...common, kind: z.literal('unavailable') }),
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union' ? 'must be latency, abort, cut or unavailable' : undefined,
  },
);

/** A fault on purpose, validated. docs/fault-injection.md says what each field does. */
export type Fault = z.output<typeof AnyFault>;
export type FaultKind = Fault['kind'];

/** A condition that fields have to meet together. */
export interface FaultRule {
  readonly path: string;
  readonly error: string;
  /** Gets what was sent, which may be wrong in other ways. */
  readonly holds: (fault: Partial<Record<string, unknown>>) => boolean;
}

const RULES: readonly FaultRule[] = [
  {
    path: 'routes',
    error: 'must be there, or rpcs, or dependencies: a fault says what it is done to; * is everything',
    holds: ({ routes, rpcs, dependencies }) => (routes ?? rpcs ?? dependencies) !== undefined,
  },
  {
    path: 'methods',
    error: 'is for routes; add them, or leave it out',
    holds: ({ methods, routes }) => methods === undefined || routes !== undefined,
  },
  {
    path: 'dependencies',
    error: 'must be there: calls cannot be unavailable; abort them with the code UNAVAILABLE, or cut them',
    holds: ({ kind, dependencies }) => kind !== 'unavailable' || dependencies !== undefined,
  },
  {
    path: 'dependencies',
    error: 'must be clients, such as client:payments: answers of a database and of Redis cannot be cut',
    holds: ({ kind, dependencies }) => kind !== 'cut' || areClients(dependencies),
  },
  {
    path: 'until',
    error: 'must not be there beside durationMs; leave one of them out',
    holds: ({ until, durationMs }) => until === undefined || durationMs === undefined,
  },
];

/** The schema of a fault, with further rules; every fault of the input is told at once. */
export function faultSchema(rules: readonly FaultRule[] = []) {
  return [...RULES, ...rules].reduce(
    (schema, { path, error, holds }) =>
      schema.refine(holds as (fault: Fault) => boolean, {
        path: [path],
        error,
        // Also where a field is wrong by itself: whoever corrects it should not come back for the next.
        when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
      }),
    AnyFault as z.ZodType<Fault>,
  );
}

function areClients(dependencies: unknown): boolean {
  if (!Array.isArray(dependencies)) return true;
  return dependencies.every((pattern) => String(pattern).startsWith('client:'));
}
