import type { ManagementAnswer, ManagementRequest } from './messages.js';

/** What a worker answers when it has begun a fault. */
interface BegunFault {
  readonly id: string;
  /** ISO 8601. */
  readonly until: string;
}

const ONE = /^\/chaos\/([^/?]+)/;

/** The faults on purpose that an operator set: every worker injects the same, those that come later too. */
export class FaultSettings {
  readonly #requests = new Map<string, { readonly request: ManagementRequest; readonly endsAt: number }>();

  /** Those that have not ended, as they are told to a worker. */
  get requests(): readonly ManagementRequest[] {
    for (const [id, { endsAt }] of this.#requests) if (endsAt <= Date.now()) this.#requests.delete(id);
    return [...this.#requests.values()].map(({ request }) => request);
  }

  /** Keeps what a worker has begun; gives what the others are told: the same id, the same end. */
  add(request: ManagementRequest, { body }: ManagementAnswer): ManagementRequest {
    const { id, until } = JSON.parse(body) as BegunFault;
    const { durationMs: _, ...fault } = JSON.parse(request.body) as Record<string, unknown>;
    const { 'content-length': _length, ...headers } = request.headers;
    const same = { ...request, headers, body: JSON.stringify({ ...fault, id, until }) };
    this.#requests.set(id, { request: same, endsAt: Date.parse(until) });
    return same;
  }

  /** @param url of the DELETE: one fault, or all */
  delete(url: string): void {
    const id = ONE.exec(url)?.[1];
    if (id === undefined) this.#requests.clear();
    else this.#requests.delete(decodeURIComponent(id));
  }

  clear(): void {
    this.#requests.clear();
  }
}
