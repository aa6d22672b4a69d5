/**
 * What Zod, Valibot, ArkType and others have in common, as far as settings need it.
 * Source: https://standardschema.dev
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

interface SchemaResult<Output> {
  readonly value?: Output;
  readonly issues?: readonly SchemaIssue[] | undefined;
}

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema makes of settings. @throws {TypeError} naming every fault, and no value */
export function parseSettings(schema: StandardSchema | undefined, settings: unknown): unknown {
  if (!schema) {
    if (settings === undefined || Object.keys(settings as object).length === 0) return Object.freeze({});
    throw new TypeError('takes no settings; leave them out');
  }
  const result = schema['~standard'].validate(settings ?? {});
  if (result instanceof Promise)
    throw new TypeError('has a schema that validates later; it has to do so at once');
  if (result.issues)
    throw new TypeError(`has settings that are not valid: ${result.issues.map(tell).join('; ')}`);
  return Object.freeze(result.value);
}

function tell({ path = [], message }: SchemaIssue): string {
  const names = path.map((step) => String(typeof step === 'object' ? step.key : step));
  return names.length > 0 ? `${names.join('.')}: ${message}` : message;
}
