import { z } from 'zod';
import { callPatterns, checkMethods } from './call-patterns.js';
import { entries } from './entries.js';
import { durationMs, integer, live } from './fields.js';

/** Beyond what anybody needs, and small enough to be compared at a glance. */
const MAX_PRIORITY = 10_000;

/** What may be said of a middleware at run time; what is left out stays as its code says. */
export const MiddlewareChange = z.strictObject({
  enabled: z.boolean('must be true or false').optional(),
  priority: z
    .int(`must be a whole number from ${-MAX_PRIORITY} to ${MAX_PRIORITY}`)
    .min(-MAX_PRIORITY)
    .max(MAX_PRIORITY)
    .optional(),
  ...callPatterns,
  transports: z
    .array(z.enum(['http', 'grpc'], { error: 'must be http or grpc' }))
    .min(1, 'must have one transport at least; leave it out for all')
    .optional(),
  tags: z
    .array(z.string().min(1).max(64))
    .min(1, 'must have one tag at least; leave it out for all')
    .optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
});

/** The name of a middleware: in metrics, logs and paths. */
export const MiddlewareName = z
  .string('must be a name')
  .regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and "-", a letter first, at most 64');

const ConfiguredMiddlewares = entries(
  'middlewares',
  MiddlewareChange.extend({ name: MiddlewareName }),
  (entry, refuse, former) => {
    if (former.some(({ name }) => name === entry.name))
      refuse('name', 'must be a name that no other entry has');
    checkMethods(entry, refuse);
  },
);

/** A middleware's change, validated. */
export type MiddlewareChange = z.output<typeof MiddlewareChange>;

/** What stands around the handlers; docs/pipeline.md has examples. */
export const middlewareConfigShape = {
  MIDDLEWARES: live(
    ConfiguredMiddlewares.describe(
      'Middlewares switched, ordered, aimed or set otherwise than their code says: a list in YAML or JSON, see docs/pipeline.md.',
    ),
  ),
  MIDDLEWARE_INIT_TIMEOUT_MS: durationMs()
    .default(5000)
    .describe('Longest time for init and for destroy of one middleware, and for the import of a plugin.'),
  PLUGINS_MANIFEST: live(
    z
      .string()
      .max(4096)
      .default('')
      .describe('File that lists the plugins; empty = none. See docs/pipeline.md.'),
  ),
  PLUGINS_ALLOWED: z
    .string()
    .max(4096)
    .default('')
    .describe(
      'Files and packages that a manifest may list, with commas between them, "*" for any text; empty = none.',
    ),
  PLUGINS_MAX_BYTES: integer(1, 1_000_000_000)
    .default(10_000_000)
    .describe('Largest plugin: its file, or all files of its package.'),
  PLUGINS_UNLOAD_GRACE_MS: durationMs(0)
    .default(30_000)
    .describe('A plugin that is unloaded is ended when its last call has, or after this time.'),
};
