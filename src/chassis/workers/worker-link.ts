import cluster, { type Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import type { MetricSnapshot } from '../metrics/primary.js';
import type {
  Answer,
  DrainOptions,
  ManagementAnswer,
  ManagementRequest,
  PinnedRevision,
  ToPrimary,
  ToWorker,
  WorkerFault,
  WorkerOrder,
  WorkerReady,
} from './messages.js';

/** What the primary asks of a worker that serves. */
export interface WorkerAnswers {
  manage(request: ManagementRequest): Promise<ManagementAnswer>;
  metrics(): Promise<readonly MetricSnapshot[]>;
  stopListening(): void;
  /** The configuration that was gone back to, if one was. */
  pinned(): PinnedRevision | undefined;
  /** Goes back to it, as another worker has. */
  pin(pinned: PinnedRevision): Promise<unknown>;
}

type Question = Extract<ToWorker, { id: number }>;

/** Signals that a terminal or a supervisor sends to every process of the service: the primary decides. */
const SIGNALS_OF_THE_PRIMARY = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const;

/**
 * A worker's line to its primary. From its making on, signals of the process group end nobody: what
 * has to be done comes from the primary. A worker that loses its primary ends at once (`node:cluster`).
 */
export class WorkerLink {
  /** What this worker is to do. */
  readonly order: Promise<WorkerOrder>;
  readonly #worker: Worker;
  readonly #events = new EventEmitter<{ drain: [DrainOptions]; reload: [] }>();
  #answers: WorkerAnswers | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    for (const signal of SIGNALS_OF_THE_PRIMARY) process.on(signal, () => undefined);
    const order = Promise.withResolvers<WorkerOrder>();
    this.order = order.promise;
    worker.on('message', (message: ToWorker) => {
      if (message.kind === 'start') order.resolve(message);
      else this.#receive(message);
    });
  }

  /** `undefined` in a process that is no worker. */
  static open(): WorkerLink | undefined {
    return cluster.worker && new WorkerLink(cluster.worker);
  }

  /** Calls `listener` when the worker is to finish its calls and end. */
  onDrain(listener: (options: DrainOptions) => void): void {
    this.#events.on('drain', listener);
  }

  /** Calls `listener` when the configuration is to be read again. */
  onReload(listener: () => void): void {
    this.#events.on('reload', listener);
  }

  /** Tells that this worker serves, and answers what the primary asks from now on. */
  async ready(ready: WorkerReady, answers: WorkerAnswers): Promise<void> {
    this.#answers = answers;
    await this.#send({ kind: 'ready', ...ready });
  }

  /** Tells why this worker does not start. */
  failed(fault: WorkerFault): Promise<void> {
    return this.#send({ kind: 'failed', ...fault });
  }

  /**
   * Tells that the configuration has changed in what only new workers can take.
   * @param wanted the same in every worker that wants the same
   */
  restartNeeded(wanted: string): Promise<void> {
    return this.#send({ kind: 'restart-needed', wanted });
  }

  /** Hands over the counts before the process ends: they stay in the service's totals. */
  async leave(): Promise<void> {
    const metrics = await this.#answers?.metrics();
    if (metrics) await this.#send({ kind: 'last-metrics', metrics });
  }

  #receive(message: Exclude<ToWorker, { kind: 'start' }>): void {
    switch (message.kind) {
      case 'drain':
        this.#events.emit('drain', { propagate: message.propagate });
        return;
      case 'reload':
        this.#events.emit('reload');
        return;
      default:
        void this.#answer(message);
    }
  }

  async #answer(message: Question): Promise<void> {
    const answers = this.#answers;
    if (!answers) return;
    const { id } = message;
    try {
      const answer = await answerTo(message, answers);
      await this.#send({ kind: 'answer', id, ...(answer && { answer }) });
    } catch {
      // It is closing: another worker answers.
      await this.#send({ kind: 'answer', id });
    }
  }

  /** Resolves when it is on its way; without a primary there is nobody to tell. */
  #send(message: ToPrimary): Promise<void> {
    return new Promise((resolve) => {
      if (this.#worker.isConnected()) process.send?.(message, undefined, undefined, () => resolve());
      else resolve();
    });
  }
}

async function answerTo(question: Question, answers: WorkerAnswers): Promise<Answer | undefined> {
  switch (question.kind) {
    case 'pinned':
      return answers.pinned();
    case 'pin':
      await answers.pin(question.pinned);
      return undefined;
    case 'snapshot':
      return answers.metrics();
    case 'request':
      return answers.manage(question.request);
    case 'stop-listening':
      answers.stopListening();
      return undefined;
    default:
      return question satisfies never;
  }
}
