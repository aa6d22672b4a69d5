import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SecurityHeaders } from '../baseline/primary.js';
import { acceptRequestId, REQUEST_ID_HEADER } from '../context/index.js';
import { ServiceError, toProblem } from '../errors/primary.js';
import { expose, type MetricSnapshot } from '../metrics/primary.js';
import { FaultSettings } from './fault-settings.js';
import { livenessOf, readinessOf, startupOf } from './merge-health.js';
import { mergeMetrics, type WorkerMetrics } from './merge-metrics.js';
import type { ManagementAnswer, ManagementRequest } from './messages.js';
import { OperatorSettings } from './operator-settings.js';
import { pathOf, readTarget } from './request-target.js';
import type { WorkerPool } from './worker-pool.js';
import type { WorkerProcess } from './worker-process.js';

const DRAIN_BEGUN = 202;
const FAULT_BEGUN = 201;
/** Done once, by whoever is asked. */
const JOB_RUN = /^\/jobs\/[^/]+\/run$/;
const FAULTS = /^\/chaos(\/|$)/;
const ROLLBACK = /^\/config\/revisions\/[^/]+\/rollback$/;
/** As where one process serves: changes are small. */
const MAX_BODY_BYTES = 64 * 1024;
/** As where one process serves: probes and scrapes are few. */
const MAX_CONNECTIONS = 1000;

/** What the management port needs of the primary. */
export interface PrimaryManagementOptions {
  /** Those of every answer. */
  readonly security: SecurityHeaders;
  /** How long a connection may take, and how much it may say. */
  readonly limits: ServerOptions;
  /** Ends the service. */
  onDrain(): void;
  /** Counts of workers that have ended. */
  past(): readonly MetricSnapshot[];
  /** The primary's own. */
  own(): readonly MetricSnapshot[];
}

/**
 * The management port of several workers: probes and metrics are those of all together, one worker answers
 * every other question, and changes go to all. The workers judge whether a change is allowed.
 */
export class PrimaryManagement {
  readonly #server: Server;
  /** Made since the last start or rolling restart. */
  readonly #settings = new OperatorSettings();
  readonly #faults = new FaultSettings();
  /** Ends with the change that goes on: a worker that is given the settings of the others misses none. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly pool: WorkerPool,
    private readonly options: PrimaryManagementOptions,
  ) {
    this.#server = createServer(options.limits, (request, response) => {
      this.#answer(request).then(
        (answer) => send(response, answer, options.security.fields(false)),
        () => response.destroy(),
      );
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, exclusive: true }, () => resolve());
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** New workers of a rolling restart begin with what is configured. */
  forgetSettings(): void {
    this.#settings.clear();
    this.#faults.clear();
  }

  /** Gives a worker that replaces a crashed one the settings of the others. */
  settle(worker: WorkerProcess): Promise<void> {
    return this.#inTurn(async () => {
      const [model] = this.pool.serving;
      for (const request of [...this.#settings.requests, ...this.#faults.requests])
        await worker.change(request);
      const pinned = await model?.pinned();
      if (pinned) await worker.pin(pinned);
      if (model) await this.#faults.endAsIn(model, worker);
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #answer(message: IncomingMessage): Promise<ManagementAnswer> {
    const body = await readBody(message);
    const target = readTarget(message);
    const request = toRequest(message, target.url, body ?? '');
    if (body === undefined) return lastOf(refuse(request, tooLarge()));
    if (target.fault) return lastOf(refuse(request, target.fault));
    if (request.method === 'POST' && pathOf(request) === '/drain') return this.#drain(request);
    if (request.method === 'POST' && JOB_RUN.test(pathOf(request))) return this.#askOne(request);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return this.#inTurn(() => this.#changeAll(request));
    const path = pathOf(request);
    switch (path) {
      case '/livez':
      case '/readyz': {
        const answers = await this.#probe(request);
        const merge = path === '/livez' ? livenessOf : readinessOf;
        return answers.find(isRefusal) ?? merge(this.pool, answers);
      }
      case '/startupz':
        return startupOf(this.pool);
      case '/metrics':
        return this.#expose(message.headers.accept);
      default:
        return this.#askOne(request);
    }
  }

  #changeAll(request: ManagementRequest): Promise<ManagementAnswer> {
    if (request.method === 'POST' && pathOf(request) === '/chaos') return this.#beginFault(request);
    if (request.method === 'POST' && ROLLBACK.test(pathOf(request))) return this.#rollBack(request);
    return this.#change(request);
  }

  /** The first worker that is well is enough: one that is blocked holds up no probe. All of them when none is. */
  async #probe(request: ManagementRequest): Promise<ManagementAnswer[]> {
    const answers = this.pool.serving.map((worker) => worker.manage(request));
    const well = answers.map(async (answer) => {
      const told = await answer;
      if (told?.status !== 200) throw new Error('it is not well');
      return told;
    });
    return Promise.any(well).then(
      (answer) => [answer],
      async () => (await Promise.all(answers)).filter((answer) => answer !== undefined),
    );
  }

  async #tell(workers: readonly WorkerProcess[], request: ManagementRequest): Promise<ManagementAnswer[]> {
    const answers = await Promise.all(workers.map((worker) => worker.change(request)));
    return answers.filter((answer) => answer !== undefined);
  }

  async #askOne(request: ManagementRequest): Promise<ManagementAnswer> {
    // While the service ends none serves, but some still answer.
    for (const worker of [...this.pool.serving, ...this.pool.draining]) {
      const answer = await worker.manage(request);
      if (answer) return answer;
    }
    return refuse(request, noWorker());
  }

  /** Workers number their revisions themselves: one goes back, the others follow it to the same values. */
  async #rollBack(request: ManagementRequest): Promise<ManagementAnswer> {
    const [first, ...others] = this.pool.serving;
    const answer = await first?.change(request);
    if (!first || !answer) return refuse(request, noWorker());
    const pinned = answer.status < 300 ? await first.pinned() : undefined;
    if (pinned) await Promise.all(others.map((worker) => worker.pin(pinned)));
    return answer;
  }

  /** One worker judges whether it may be; then the whole service ends. */
  async #drain(request: ManagementRequest): Promise<ManagementAnswer> {
    const answer = await this.#askOne(request);
    if (answer.status === DRAIN_BEGUN) this.options.onDrain();
    return answer;
  }

  /** Every worker that serves; the worst answer is the answer. */
  async #change(request: ManagementRequest): Promise<ManagementAnswer> {
    const workers = this.pool.serving;
    const answers = await this.#tell(workers, request);
    const [worst] = answers.toSorted((a, b) => b.status - a.status);
    if (!worst) return refuse(request, noWorker());
    if (worst.status >= 300) return worst;
    if (request.method === 'DELETE' && FAULTS.test(pathOf(request))) this.#faults.delete(request);
    else this.#settings.note(request);
    // Those of a rolling restart that serve since.
    const fresh = this.pool.serving.filter((worker) => !workers.includes(worker));
    await this.#tell(fresh, request);
    return worst;
  }

  /** One worker judges the fault and gives it its id and its end; then the others begin the same. */
  async #beginFault(request: ManagementRequest): Promise<ManagementAnswer> {
    const workers = this.pool.serving;
    for (const worker of workers) {
      const answer = await worker.change(request);
      if (!answer) continue;
      if (answer.status !== FAULT_BEGUN) return answer;
      const same = this.#faults.add(request, answer);
      const others = workers.filter((other) => other !== worker);
      await Promise.all(others.map((other) => other.change(same)));
      return answer;
    }
    return refuse(request, noWorker());
  }

  async #expose(accept: string | undefined): Promise<ManagementAnswer> {
    const workers = [...this.pool.workers];
    await Promise.all(workers.map((worker) => worker.readMetrics()));
    // Those that ended meanwhile are in the past.
    const live = workers.filter((worker) => this.pool.workers.has(worker));
    const told = live.toReversed().map(({ number, metrics }): WorkerMetrics => ({ worker: number, metrics }));
    const all = [...told, { worker: 0, metrics: this.options.own() }];
    const { contentType, body } = await expose(mergeMetrics(all, this.options.past()), accept);
    return { status: 200, headers: { 'content-type': contentType, vary: 'accept' }, body };
  }
}

/** Of the request itself: it says nothing about the worker. */
function isRefusal({ status }: ManagementAnswer): boolean {
  return status >= 400 && status < 500;
}

function toRequest(
  { method = 'GET', headersDistinct, socket }: IncomingMessage,
  url: string,
  body: string,
): ManagementRequest {
  // Repeated ones, too: of some, Node's `headers` have the first alone, which no worker could refuse.
  const pairs = Object.entries(headersDistinct).map(([name, values = []]) => {
    const [first = ''] = values;
    return [name, values.length > 1 ? values : first] as const;
  });
  return { method, url, headers: Object.fromEntries(pairs), body, remoteAddress: socket.remoteAddress ?? '' };
}

/** `undefined` when it is too large; the rest of it is not kept, and the connection stays for the answer. */
async function readBody(message: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const pieces: AsyncIterable<Buffer> = message.iterator({ destroyOnReturn: false });
  for await (const chunk of pieces) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      message.resume();
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function send(
  response: ServerResponse,
  { status, headers, body }: ManagementAnswer,
  security: ReadonlyMap<string, string>,
): void {
  const length = { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...Object.fromEntries(security), ...headers, ...length });
  response.end(body);
}

function refuse(request: ManagementRequest, error: ServiceError): ManagementAnswer {
  const requestId = acceptRequestId(request.headers[REQUEST_ID_HEADER]);
  const problem = toProblem(error, { instance: pathOf(request), requestId });
  return {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', [REQUEST_ID_HEADER]: requestId },
    body: JSON.stringify(problem),
  };
}

/** The connection ends with it. */
function lastOf({ headers, ...answer }: ManagementAnswer): ManagementAnswer {
  return { ...answer, headers: { ...headers, connection: 'close' } };
}

function noWorker(): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'NO_WORKER',
    message: 'No worker answers; ask again when one is ready',
  });
}

function tooLarge(): ServiceError {
  return new ServiceError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'BODY_TOO_LARGE',
    httpStatus: 413,
    message: `A body on the management port has at most ${MAX_BODY_BYTES} bytes`,
  });
}
