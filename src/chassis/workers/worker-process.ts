import cluster, { type Worker } from 'node:cluster';
import type { Readable } from 'node:stream';
import type { MetricSnapshot } from '../metrics/primary.js';
import type { HandedConnections } from './handed-connections.js';
import type {
  Answer,
  DrainOptions,
  ManagementAnswer,
  ManagementRequest,
  PinnedRevision,
  ToPrimary,
  ToWorker,
  WorkerOrder,
  WorkerReady,
} from './messages.js';

/** A worker that does not serve after this time is given up, in milliseconds. */
const START_LIMIT_MS = 60_000;
/** A worker that does not answer the primary's question in this time counts as not answering, in milliseconds. */
const ANSWER_LIMIT_MS = 5000;
/** Beyond a worker's own limit for its shutdown, for its exit, in milliseconds. */
const EXIT_MARGIN_MS = 3000;

export type WorkerState = 'starting' | 'ready' | 'draining';

/** How a worker ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A worker could not start; `message` is its own. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
}

/** One worker, as the primary sees it. */
export class WorkerProcess {
  readonly number: number;
  /** What it writes to standard output. */
  readonly output: Readable;
  /** Resolves when it serves. @throws {WorkerStartError} */
  readonly started: Promise<WorkerReady>;
  /** Resolves when the process has ended and all its output was read. */
  readonly ended: Promise<WorkerExit>;
  state: WorkerState = 'starting';
  /** Its metrics when they were last read. */
  metrics: readonly MetricSnapshot[] = [];
  /** True once it has handed over its last counts. */
  #hasLeft = false;
  /** True from its exit on. */
  #isOver = false;
  #shutdownLimitMs = 0;
  #changeLimitMs = ANSWER_LIMIT_MS;
  #nextId = 1;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();

  /** Starts it from the program that is on disk now. */
  constructor(
    order: WorkerOrder,
    handed: HandedConnections,
    private readonly onRestartNeeded: (wanted: string) => void,
  ) {
    this.number = order.worker;
    // The program, its arguments and standard error are the primary's. The structured clone, unlike JSON, keeps Infinity.
    cluster.setupPrimary({ serialization: 'advanced', stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    this.#worker = cluster.fork();
    handed.watch(this.#worker.process);
    this.output = this.#worker.process.stdout as Readable;
    const started = Promise.withResolvers<WorkerReady>();
    this.started = started.promise;
    // Whoever starts a worker waits for it; a crash in between is told by `ended`.
    this.started.catch(() => undefined);
    const limit = setTimeout(() => {
      started.reject(new WorkerStartError(`it was not ready within ${START_LIMIT_MS / 1000} seconds`));
      this.kill();
    }, START_LIMIT_MS);
    this.ended = new Promise((resolve) => {
      this.#worker.process.once('close', (code, signal) => {
        clearTimeout(limit);
        this.#isOver = true;
        started.reject(new WorkerStartError(`it ended with ${signal ?? `exit code ${code}`}`));
        for (const settle of this.#waiting.values()) settle(undefined);
        resolve({ code, signal });
      });
    });
    this.#worker.on('message', (message: ToPrimary) => {
      if (message.kind === 'ready') clearTimeout(limit);
      this.#receive(message, started);
    });
    // A channel that breaks is told by `ended`.
    this.#worker.on('error', () => undefined);
    this.#send({ kind: 'start', ...order });
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  /** Whether it takes new calls. */
  get isServing(): boolean {
    return this.state === 'ready' && !this.#isOver;
  }

  /** Its answer; `undefined` when it has none in time. */
  async manage(request: ManagementRequest): Promise<ManagementAnswer | undefined> {
    return (await this.#ask((id) => ({ kind: 'request', id, request }))) as ManagementAnswer | undefined;
  }

  /**
   * Its answer to a change; `undefined` when it has none in the longest time that its changes take, or has ended: one
   * that was given up before could still be made, and in this worker alone.
   */
  async change(request: ManagementRequest): Promise<ManagementAnswer | undefined> {
    const answer = await this.#ask((id) => ({ kind: 'request', id, request }), this.#changeLimitMs);
    return answer as ManagementAnswer | undefined;
  }

  /** Reads its metrics again; what was read before stays when it does not answer. */
  async readMetrics(): Promise<void> {
    if (this.#hasLeft || this.state === 'starting') return;
    const answer = await this.#ask((id) => ({ kind: 'snapshot', id }));
    // Its last counts may have come in between; they are the newer ones.
    if (answer && !this.#hasLeft) this.metrics = answer as readonly MetricSnapshot[];
  }

  /** The configuration that it has gone back to, if it has. */
  async pinned(): Promise<PinnedRevision | undefined> {
    const answer = await this.#ask((id) => ({ kind: 'pinned', id }), this.#changeLimitMs);
    return answer as PinnedRevision | undefined;
  }

  /** Resolves when it has gone back to it, too, or has told its log why not. */
  async pin(pinned: PinnedRevision): Promise<void> {
    await this.#ask((id) => ({ kind: 'pin', id, pinned }), this.#changeLimitMs);
  }

  reload(): void {
    this.#send({ kind: 'reload' });
  }

  /** Resolves when it takes no new connection; those that it has go on. */
  async stopListening(): Promise<void> {
    if (this.isServing) await this.#ask((id) => ({ kind: 'stop-listening', id }));
  }

  /** Lets it finish its calls; a worker that outlives its own limit is killed. */
  drain(options: DrainOptions): Promise<WorkerExit> {
    if (this.state !== 'ready') return this.ended;
    this.state = 'draining';
    this.#send({ kind: 'drain', ...options });
    const limit = setTimeout(() => this.kill(), this.#shutdownLimitMs + EXIT_MARGIN_MS);
    return this.ended.finally(() => clearTimeout(limit));
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  #receive(message: ToPrimary, started: PromiseWithResolvers<WorkerReady>): void {
    switch (message.kind) {
      case 'ready':
        this.state = 'ready';
        this.#shutdownLimitMs = message.shutdownLimitMs;
        this.#changeLimitMs = message.changeLimitMs;
        started.resolve(message);
        return;
      case 'failed':
        started.reject(new WorkerStartError(message.message, { cause: message.stack }));
        return;
      case 'answer':
        this.#waiting.get(message.id)?.(message.answer);
        return;
      case 'restart-needed':
        this.onRestartNeeded(message.wanted);
        return;
      case 'last-metrics':
        this.#hasLeft = true;
        this.metrics = message.metrics;
    }
  }

  #ask(question: (id: number) => ToWorker, limitMs = ANSWER_LIMIT_MS): Promise<Answer | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(limit);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const limit = setTimeout(() => settle(undefined), limitMs);
      this.#waiting.set(id, settle);
      this.#send(question(id));
    });
  }

  #send(message: ToWorker): void {
    // It may be dying; then `ended` tells.
    if (this.#worker.isConnected()) this.#worker.send(message, () => undefined);
  }
}
