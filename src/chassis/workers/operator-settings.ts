import type { ManagementRequest } from './messages.js';

const DISABLE = '/readyz/disable';
const ENABLE = '/readyz/enable';
const RESET = /^(\/circuit-breakers\/[^/]+)\/reset$/;

/**
 * What operators have set, path by path, in the form of one `PUT` each. A later one leaves as it is what it does not
 * mention, so all that was said of a path is kept. An instance that was taken out is the one `POST` that is kept.
 */
export class OperatorSettings {
  readonly #requests = new Map<string, ManagementRequest>();

  /** As they are told to a worker that has heard none of them, the latest last. */
  get requests(): readonly ManagementRequest[] {
    return [...this.#requests.values()];
  }

  /** Keeps, or forgets, what the workers have done. */
  note(request: ManagementRequest): void {
    const path = decodedPathOf(request);
    const breaker = RESET.exec(path)?.[1];
    if (request.method === 'PUT') this.#put(path, request);
    else if (request.method === 'DELETE') this.#requests.delete(path);
    else if (path === DISABLE) this.#requests.set(path, request);
    else if (path === ENABLE) this.#requests.delete(DISABLE);
    else if (breaker !== undefined) this.#letGo(breaker);
  }

  clear(): void {
    this.#requests.clear();
  }

  #put(path: string, request: ManagementRequest): void {
    const former = this.#requests.get(path);
    this.#requests.delete(path);
    this.#set(path, request, { ...(former && fieldsOf(former)), ...fieldsOf(request) });
  }

  /** A breaker that is reset is held no more; the operator's rule for it stays. */
  #letGo(path: string): void {
    const former = this.#requests.get(path);
    if (!former) return;
    const { forced: _, ...rest } = fieldsOf(former);
    if (Object.keys(rest).length > 0) this.#set(path, former, rest);
    else this.#requests.delete(path);
  }

  #set(path: string, { headers, ...request }: ManagementRequest, fields: object): void {
    const { 'content-length': _, ...others } = headers;
    this.#requests.set(path, { ...request, headers: others, body: JSON.stringify(fields) });
  }
}

/** The workers have taken it: it is an object. */
function fieldsOf({ body }: ManagementRequest): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>;
}

/** Without its query; the same however its names are written. */
function decodedPathOf({ url }: ManagementRequest): string {
  return decodeURIComponent(url.split('?', 1)[0] ?? '/');
}
