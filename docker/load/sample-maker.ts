import { randomUUID } from 'node:crypto';

/** What is used of a JSON Schema. */
export interface Schema {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

/** Words of many kinds; the first that a schema allows is taken. */
const WORDS = () => [
  'load-test',
  'EUR',
  'tea',
  '1',
  randomUUID(),
  new Date().toISOString(),
  new Date().toISOString().slice(0, 10),
  'load@example.com',
  'https://example.com',
  '+4930123456',
  'en',
  '"1"',
  '#a0b1c2',
  '0'.repeat(32),
];
const FORMATS: Readonly<Record<string, () => string>> = {
  uuid: randomUUID,
  'date-time': () => new Date().toISOString(),
  date: () => new Date().toISOString().slice(0, 10),
  email: () => 'load@example.com',
  uri: () => 'https://example.com',
};

/** Makes values that fit the schemas of an OpenAPI document, as far as schemas tell. */
export class SampleMaker {
  readonly #schemas: Readonly<Record<string, Schema>>;
  readonly #fields = new Map<string, Schema>();

  constructor(document: { readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> } }) {
    this.#schemas = document.components?.schemas ?? {};
    for (const schema of Object.values(this.#schemas)) this.#noteFields(schema);
  }

  of(schema: Schema | undefined): unknown {
    if (!schema) return undefined;
    const told = [schema.const, schema.default, schema.example, schema.examples?.[0], schema.enum?.[0]];
    const known = told.find((value) => value !== undefined);
    if (known !== undefined) return known;
    const other = schema.anyOf?.[0] ?? schema.oneOf?.[0];
    if (schema.$ref !== undefined) return this.of(this.#schemas[schema.$ref.split('/').at(-1) ?? '']);
    if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => this.of(part)));
    return other ? this.of(other) : this.#ofType(schema);
  }

  /** For a field of that name, anywhere in the document; `undefined` when there is none. */
  ofField(name: string): unknown {
    return this.of(this.#fields.get(name));
  }

  #noteFields(schema: Schema): void {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (!this.#fields.has(name)) this.#fields.set(name, field);
      this.#noteFields(field);
    }
    if (schema.items) this.#noteFields(schema.items);
  }

  #ofType(schema: Schema): unknown {
    const type = [schema.type ?? 'object'].flat().find((name) => name !== 'null');
    if (type === 'string') return wordOf(schema);
    if (type === 'integer' || type === 'number') return Math.max(1, schema.minimum ?? 1);
    if (type === 'boolean') return false;
    if (type === 'array') return [this.of(schema.items)];
    return Object.fromEntries(
      (schema.required ?? []).map((name) => [name, this.of(schema.properties?.[name])]),
    );
  }
}

function wordOf({ format, pattern, minLength = 0, maxLength = Infinity }: Schema): string {
  const formatted = FORMATS[format ?? '']?.();
  if (formatted !== undefined) return formatted;
  const rule = new RegExp(pattern ?? '', 'u');
  const fits = (word: string) => word.length >= minLength && word.length <= maxLength && rule.test(word);
  return WORDS().find(fits) ?? 'x'.repeat(Math.max(1, minLength));
}
