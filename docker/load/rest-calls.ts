import { randomUUID } from 'node:crypto';
import { KnownIds } from './known-ids.ts';
import type { Call } from './load-runner.ts';
import type { SampleMaker, Schema } from './sample-maker.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: Schema;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
}
/** What is used of an OpenAPI document. */
export interface OpenApi {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const METHODS = new Set(['get', 'post', 'put', 'patch', 'delete']);
const TIMEOUT_MS = 10_000;

/** One call for each operation of the document, and one that is there without a feature, too. */
export function restCalls(document: OpenApi, samples: SampleMaker, url: string): Call[] {
  const ids = new KnownIds();
  const calls = Object.entries(document.paths ?? {}).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => METHODS.has(method))
      .map(([method, operation]) => new RestCall({ url, method, path, operation, samples, ids })),
  );
  const own = { url, method: 'get', path: '/openapi.json', operation: {}, samples, ids };
  return [...calls, new RestCall(own)];
}

interface RestCallOptions {
  readonly url: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly samples: SampleMaker;
  readonly ids: KnownIds;
}

class RestCall implements Call {
  readonly name: string;
  readonly weight: number;
  readonly #options: RestCallOptions;
  /** Whose ids a path's parameters are: `/v1/things` of `/v1/things/{id}`. */
  readonly #collection: string;

  constructor(options: RestCallOptions) {
    this.#options = options;
    this.name = `${options.method.toUpperCase()} ${options.path}`;
    this.weight = options.method === 'get' && options.path !== '/openapi.json' ? 4 : 1;
    this.#collection = options.path.split('/{')[0] ?? options.path;
  }

  async run(isWrong: boolean): Promise<string> {
    try {
      const response = await fetch(this.#url(isWrong), {
        method: this.#options.method.toUpperCase(),
        ...this.#body(isWrong),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (response.ok && this.#options.path !== '/openapi.json')
        this.#options.ids.learn(this.#collection, text);
      return `REST ${response.status}`;
    } catch (error) {
      return `REST ${(error as Error).name}`;
    }
  }

  #url(isWrong: boolean): URL {
    const { url, path, operation, samples, ids } = this.#options;
    // A wrong call without parameters and body to be wrong in asks for what does not exist.
    if (isWrong && !path.includes('{') && !operation.requestBody) return new URL('/unknown', url);
    const id = (isWrong ? undefined : ids.any(this.#collection)) ?? randomUUID();
    const filled = new URL(path.replaceAll(/\{[^}]+\}/g, id), url);
    for (const { name, in: place, required, schema } of operation.parameters ?? [])
      if (place === 'query' && required) filled.searchParams.set(name, String(samples.of(schema)));
    return filled;
  }

  #body(isWrong: boolean): RequestInit {
    const schema = this.#options.operation.requestBody?.content?.['application/json']?.schema;
    if (!schema) return {};
    const body = isWrong ? {} : this.#options.samples.of(schema);
    return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  }
}
