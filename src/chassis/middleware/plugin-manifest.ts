import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { MiddlewareChange, MiddlewareName, parseYaml } from '../config/index.js';

const Hash = z
  .string('must be a SHA-256')
  .regex(/^[0-9a-f]{64}$/i, 'must be a SHA-256, 64 hexadecimal digits; npm run plugin:hash prints it')
  .transform((hash) => hash.toLowerCase());

const PluginEntry = MiddlewareChange.extend({
  name: MiddlewareName,
  /** Relative to the manifest's folder. */
  file: z.string().min(1).max(1024).optional(),
  package: z
    .string()
    .regex(/^(@[a-z0-9-][\w.-]*\/)?[a-z0-9-][\w.-]*$/, 'must be the name of a package')
    .optional(),
  sha256: Hash,
}).superRefine((entry, context) => {
  if ((entry.file === undefined) === (entry.package === undefined))
    context.addIssue({ code: 'custom', path: ['file'], message: 'needs file or package, one of the two' });
});

const Manifest = z
  .strictObject({ plugins: z.array(PluginEntry).max(1000) })
  .superRefine(({ plugins }, context) => {
    for (const [index, { name }] of plugins.entries())
      if (plugins.findIndex((plugin) => plugin.name === name) < index)
        context.addIssue({
          code: 'custom',
          path: ['plugins', index, 'name'],
          message: 'must be a name that no other plugin has',
        });
  });

/** A plugin as the manifest lists it, validated. */
export type PluginEntry = z.output<typeof PluginEntry>;

/** A manifest, and the folder that its files are in. */
export interface PluginManifest {
  readonly folder: string;
  readonly plugins: readonly PluginEntry[];
}

/** What a manifest says, in YAML or JSON. @throws {Error} saying what is wrong with it and where, without its values */
export function parseManifest(path: string, text: string): PluginManifest {
  const refuse = (fault: string, cause?: unknown): never => {
    throw manifestFault(path, fault, cause);
  };
  let content: unknown;
  try {
    content = parseYaml(text);
  } catch (error) {
    refuse('is neither YAML nor JSON.', error);
  }
  const result = Manifest.safeParse(content);
  if (result.success) return { folder: dirname(resolve(path)), plugins: result.data.plugins };
  const faults = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
  );
  return refuse(`is not valid. ${faults.join('; ')}.`);
}

export function unreadableManifest(path: string, cause: NodeJS.ErrnoException): Error {
  return manifestFault(path, `cannot be read (${cause.code}). Correct the path, or leave it empty.`, cause);
}

function manifestFault(path: string, fault: string, cause: unknown): Error {
  return new Error(`PLUGINS_MANIFEST ${path} ${fault}`, { cause });
}
