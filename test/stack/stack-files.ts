import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type AnySchema } from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { PROJECT } from '../support/build.js';

/** A file of the project. */
export function textOf(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

// A test looks into files of any shape; what is missing fails its assertion.
type AnyShape = any; // oxlint-disable-line typescript/no-explicit-any

/** A YAML file of the project, with its anchors and merge keys resolved. */
export function yamlOf(path: string): AnyShape {
  return parse(textOf(path), { merge: true });
}

/** What `value` has that a schema of `schemas/` does not allow; one line for each fault. */
export function faultsOf(value: unknown, schema: string): readonly string[] {
  const { $schema: _, ...rules } = JSON.parse(textOf(`test/stack/schemas/${schema}`)) as Record<
    string,
    unknown
  >;
  const ajv = new Ajv({ allErrors: true, strict: false });
  // Its types say `default`, Node says the function itself.
  (addFormats as unknown as (ajv: Ajv) => void)(ajv);
  ajv
    .addFormat('duration', /^\d+(us|ms|s|m|h)/)
    .addFormat('ports', true)
    .addFormat('expose', true)
    .addFormat('subnet_ip_address', true);
  const validate = ajv.compile(rules as AnySchema);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

/** A service of docker/compose.yaml, as far as the tests look at it. */
export interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly expose?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly deploy?: {
    readonly resources: { readonly limits: { readonly memory?: string; readonly pids?: number } };
  };
  readonly [key: string]: unknown;
}

/** docker/compose.yaml. */
export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** docker/compose.yaml, its variables replaced by their defaults. */
export function readCompose(): Compose {
  const text = textOf('docker/compose.yaml').replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
  return parse(text, { merge: true }) as Compose;
}

/** Ports that a service listens on inside of the network. */
export function portsOf({ ports = [], expose = [] }: ComposeService): readonly string[] {
  return [...ports.map((port) => port.split(':').at(-1) ?? ''), ...expose];
}
