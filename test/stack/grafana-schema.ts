import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { createGenerator, type SchemaGenerator } from 'ts-json-schema-generator';
import { PROJECT } from '../support/build.js';

const OPTIONS = { skipTypeCheck: true, additionalProperties: false } as const;

/**
 * JSON schemas of Grafana's model: those of the types that Grafana generates from its own schemas (CUE) and publishes as
 * its foundation SDK. A member that they do not name is a fault.
 */
export class GrafanaSchema {
  readonly #generators = new Map<string, SchemaGenerator>();
  readonly #validators = new Map<string, ValidateFunction>();

  /** Where `value` is not what `type` of a part of the SDK says; empty when it is. */
  faults(part: string, type: string, value: unknown): string[] {
    const key = `${part}.${type}`;
    const validate = this.#validators.get(key) ?? this.#compile(part, type);
    this.#validators.set(key, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${key}: ${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }

  #compile(part: string, type: string): ValidateFunction {
    const generator = this.#generators.get(part) ?? createGenerator({ ...OPTIONS, path: typesOf(part) });
    this.#generators.set(part, generator);
    return new Ajv({ strict: false, allErrors: true }).compile(generator.createSchema(type) as object);
  }
}

function typesOf(part: string): string {
  return join(PROJECT, 'node_modules/@grafana/grafana-foundation-sdk/dist', part, 'types.gen.d.ts');
}
