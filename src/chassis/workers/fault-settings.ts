import type { ManagementAnswer, ManagementRequest } from './messages.js';
import type { WorkerProcess } from './worker-process.js';

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
  /** The latest that has ended some. */
  #lastEnd: ManagementRequest | undefined;

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

  /** @param request the DELETE: of one fault, or of all */
  delete(request: ManagementRequest): void {
    const id = ONE.exec(request.url)?.[1];
    this.#lastEnd = request;
    if (id === undefined) this.#requests.clear();
    else this.#requests.delete(decodeURIComponent(id));
  }

  clear(): void {
    this.#requests.clear();
    this.#lastEnd = undefined;
  }

  /** Ends in a worker what its configuration has begun and an operator has ended in the others. */
  async endAsIn(model: WorkerProcess, worker: WorkerProcess): Promise<void> {
    if (!this.#lastEnd) return;
    const asked = { ...this.#lastEnd, method: 'GET', url: '/chaos' };
    const others = idsOf(await model.manage(asked));
    const own = idsOf(await worker.manage(asked));
    if (!others || !own) return;
    for (const id of own.filter((each) => !others.includes(each)))
      await worker.change({ ...this.#lastEnd, url: `/chaos/${encodeURIComponent(id)}` });
  }
}

/** `undefined` when it has not answered. */
function idsOf(answer: ManagementAnswer | undefined): readonly string[] | undefined {
  if (answer?.status !== 200) return undefined;
  return (JSON.parse(answer.body) as { faults: readonly BegunFault[] }).faults.map(({ id }) => id);
}
