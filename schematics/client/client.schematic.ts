import { chain, type Rule } from '@angular-devkit/schematics';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { featurePlace } from '../shared/feature-place.ts';
import { formatChanged } from '../shared/format.ts';
import { addToModule } from '../shared/module-imports.ts';
import { nameOf } from '../shared/names.ts';
import { refuse } from '../shared/refuse.ts';
import { requireFree, requireFreeInFeatures, requireFreeKeys } from '../shared/require-free.ts';
import type { ClientSource } from './client-source.ts';
import { grpcClient } from './grpc-client.ts';
import { httpClient } from './http-client.ts';

/** What the configuration keys of a client end with. */
const KEYS = { http: ['URL', 'TIMEOUT_MS'], grpc: ['TARGET', 'TLS', 'TIMEOUT_MS'] };

/** The options of schema.json. */
export interface ClientOptions {
  readonly name: string;
  readonly from: string;
  readonly feature?: string;
  readonly service?: string;
}

export function client({ name: text, from, feature, service }: ClientOptions): Rule {
  const name = nameOf(text.replace(/[-_ ]?client$/i, ''));
  const file = resolve(from);
  if (!existsSync(file) || !statSync(file).isFile())
    refuse(`--from ${from}: ${file} is not there, or no file`);
  const contract = readFileSync(file, 'utf8');
  return async (tree) => {
    const place = featurePlace(tree, feature);
    const files = ['client.ts', 'client.spec.ts', 'openapi.ts', 'openapi.json'];
    const keys = KEYS[extname(file) === '.proto' ? 'grpc' : 'http'];
    return chain([
      requireFreeInFeatures(`${name.kebab}.client.ts`),
      requireFreeKeys(...keys.map((end) => `${name.constant}_${end}`)),
      requireFree(place.folder, ...files.map((end) => `${name.kebab}.${end}`)),
      await clientOf({ name, file, contract, folder: place.folder, ...(service && { service }) }),
      addToModule(place.module, 'providers', {
        name: `${name.pascal}Client`,
        from: `./${name.kebab}.client.js`,
      }),
      formatChanged(),
    ]);
  };
}

function clientOf(source: ClientSource): Promise<Rule> {
  switch (extname(source.file)) {
    case '.proto':
      return grpcClient(source);
    case '.json':
    case '.yaml':
    case '.yml':
      if (source.service !== undefined) refuse('--service is for a .proto file');
      return httpClient(source);
    default:
      return refuse(
        `--from ${source.file}: a contract is an OpenAPI document (.json, .yaml) or a .proto file`,
      );
  }
}
