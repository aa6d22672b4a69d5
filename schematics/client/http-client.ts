import { chain, type Rule } from '@angular-devkit/schematics';
import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { parse } from 'yaml';
import { refuse } from '../shared/refuse.ts';
import { writeTemplates } from '../shared/templates.ts';
import type { ClientSource } from './client-source.ts';
import { operationsOf, type OpenApiDocument } from './operations.ts';

/** Source: RFC 9110, 9.2.2. */
const IDEMPOTENT_METHODS = new Set(['get', 'head', 'put', 'delete', 'options']);
const DEFAULT_URL = 'http://localhost:3000';

/** A client of an OpenAPI document: the document, its types, a class with a method an operation. */
export async function httpClient({ name, file, contract, folder }: ClientSource): Promise<Rule> {
  const document = read(contract, file);
  const operations = operationsOf(document, file);
  const types = await typesOf(document, file);
  // An answer to HEAD has no body, which the test asks for.
  const sample = operations.find(({ key }) => key !== 'head') ?? operations[0];
  const isIdempotent = sample !== undefined && IDEMPOTENT_METHODS.has(sample.key);
  // A path may have quotes in it: `/users('{id}')`.
  const quoted = (text: string) => JSON.stringify(text);
  const values = { file: name.kebab, name, operations, sample, isIdempotent, url: urlOf(document), quoted };
  return chain([
    writeTemplates('./http', values, folder),
    (tree) => tree.create(`${folder}/${name.kebab}.openapi.json`, JSON.stringify(document)),
    (tree) => tree.create(`${folder}/${name.kebab}.openapi.ts`, types),
  ]);
}

function read(text: string, file: string): OpenApiDocument {
  const document = parseText(text, file) as OpenApiDocument | null;
  if (typeof document !== 'object' || document === null || !/^3\.[01]\./.test(document.openapi))
    refuse(`--from ${file}: no OpenAPI document of version 3.0 or 3.1; "openapi" says which one has`);
  return document;
}

/** YAML has JSON in it. */
function parseText(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    return refuse(`--from ${file}: ${(error as Error).message}`);
  }
}

async function typesOf(document: OpenApiDocument, file: string): Promise<string> {
  try {
    const types = astToString(await openapiTS(document as OpenAPI3, { silent: true }));
    return `// Made from the document beside it by openapi-typescript.\n${types}`;
  } catch (error) {
    return refuse(`--from ${file}: ${(error as Error).message}`);
  }
}

/** The document's first server, where it is an address. */
function urlOf({ servers = [] }: OpenApiDocument): string {
  const url = servers[0]?.url ?? '';
  return /^https?:\/\/[^{}]+$/.test(url) ? url.replace(/\/$/, '') : DEFAULT_URL;
}
