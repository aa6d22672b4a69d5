import { methodName } from '../shared/method-name.ts';
import { spell } from '../shared/names.ts';
import { refuse } from '../shared/refuse.ts';

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const;

/** What is looked at of an OpenAPI document. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly servers?: readonly { readonly url: string }[];
  readonly paths?: Readonly<Record<string, PathItem>>;
}

type PathItem = Readonly<Partial<Record<(typeof METHODS)[number], OpenApiOperation>>> & {
  readonly parameters?: readonly Parameter[];
};

interface OpenApiOperation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: unknown;
}

interface Parameter {
  readonly in?: string;
  readonly required?: boolean;
}

/** One method of a client. */
export interface Operation {
  /** `getPayment`. */
  readonly name: string;
  /** `get`. */
  readonly key: string;
  /** `/v1/payments/{id}`. */
  readonly path: string;
  readonly summary: string;
  /** It can be called without anything. */
  readonly isBare: boolean;
  /** The path with a value for each parameter, for the test. */
  readonly samplePath: string;
  /** Values of the path's parameters, for the test. */
  readonly sampleParameters: Readonly<Record<string, string>>;
}

/** @throws SchematicsException when there is none, or two of one name */
export function operationsOf({ paths = {} }: OpenApiDocument, file: string): readonly Operation[] {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((key) => {
      const operation = item[key];
      return operation ? [describe(path, key, item, operation)] : [];
    }),
  );
  if (operations.length === 0) refuse(`--from ${file}: "paths" has no operation`);
  const names = operations.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) refuse(`--from ${file}: two operations would be called ${twice}; give them other operationIds`);
  return operations;
}

function describe(path: string, key: string, item: PathItem, operation: OpenApiOperation): Operation {
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
  const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name as string);
  return {
    name: nameOf(operation.operationId ?? `${key} ${path}`),
    key,
    path,
    summary: (operation.summary ?? `${key.toUpperCase()} ${path}`).replaceAll(/\s+|\*\//g, ' ').trim(),
    isBare: names.length === 0 && !operation.requestBody && !parameters.some(mayBeRequired),
    samplePath: path.replaceAll(/\{[^}]+\}/g, 'a%20sample'),
    sampleParameters: Object.fromEntries(names.map((name) => [name, 'a sample'])),
  };
}

/** One that is only referred to may be. */
function mayBeRequired(parameter: Parameter): boolean {
  return parameter.required === true || '$ref' in parameter;
}

/** `Payments_getPayment`, `get /v1/payments/{id}`: words in camel case, none that a class has already. */
function nameOf(text: string): string {
  const words =
    text
      .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? [];
  const { camel } = spell(words);
  return /^[a-z]/.test(camel) ? methodName(camel) : `call${spell(words).pascal}`;
}
