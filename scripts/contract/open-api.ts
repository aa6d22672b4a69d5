/** The part of OpenAPI 3.1 that the tools read: https://spec.openapis.org/oas/v3.1.1. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components?: {
    readonly schemas?: Readonly<Record<string, Schema>>;
    readonly securitySchemes?: Readonly<Record<string, SecurityScheme>>;
  };
  readonly security?: readonly SecurityRequirement[];
}

/** Everything in it has to be shown, with its scopes. */
type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

export type SecurityScheme = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content?: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>;
  readonly security?: readonly SecurityRequirement[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly schema?: Schema;
}

export type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly contentEncoding?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly multipleOf?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly maxProperties?: number;
  readonly minProperties?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** An operation with where it is. */
export interface LocatedOperation extends Operation {
  readonly method: string;
  readonly path: string;
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/** Every operation of a document, in its order. */
export function operationsOf({ paths }: OpenApi): LocatedOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => ({
      ...(item[method] as Operation),
      method,
      path,
    })),
  );
}

/** The names of a path's parameters are no part of it for a client. */
export function keyOf({ method, path }: LocatedOperation): string {
  return `${method} ${path.replaceAll(/\{[^}]*\}/g, '{}')}`;
}

/** The schema itself, behind references into `components.schemas`. */
export function resolve(document: OpenApi, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  if (name === undefined) return schema;
  const target = document.components?.schemas?.[name];
  return target === undefined ? {} : resolve(document, target);
}

/** `anyOf: [X, { type: null }]` and an `allOf` of one as X; other unions stay what they are. */
export function withoutNull(document: OpenApi, schema: Schema): Schema {
  const options = schema.anyOf ?? schema.oneOf ?? schema.allOf ?? [];
  const [only, ...more] = options.filter(({ type }) => type !== 'null');
  return only && more.length === 0 ? withoutNull(document, resolve(document, only)) : schema;
}
