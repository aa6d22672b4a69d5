import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { StartError, whyOf } from '../errors/primary.js';
import { CrashBudget } from './crash-budget.js';
import type { DrainOptions, WorkerOrder, WorkerReady } from './messages.js';
import { WorkerStartError, type WorkerExit, type WorkerProcess } from './worker-process.js';

/** What a generation of workers is started with. */
export interface Plan {
  readonly workers: number;
  readonly overrides: WorkerOrder['overrides'];
}

export interface PoolOptions {
  readonly logger: Logger;
  readonly fork: (order: WorkerOrder) => WorkerProcess;
  /** Called with what a worker has counted, once it has ended. */
  readonly onEnd: (worker: WorkerProcess) => void;
  /** Called before a worker that replaces a crashed one takes part. */
  readonly onReplacement: (worker: WorkerProcess) => Promise<void>;
  /** Called when replacing crashed workers is no use any more. */
  readonly onCrashLoop: (reason: string) => void;
}

/** The workers: keeps as many as planned, replaces them one by one or all together, ends them. */
export class WorkerPool {
  /** Every worker that has not ended, the oldest first. */
  readonly workers = new Set<WorkerProcess>();
  /** Workers that were started in place of others. */
  readonly restarts = { crash: 0, rolling: 0 };
  readonly #crashes = new CrashBudget();
  /** Those that are to be kept; the others come or go. */
  #serving = new Set<WorkerProcess>();
  #plan: Plan | undefined;
  #isEnding = false;

  constructor(private readonly options: PoolOptions) {}

  /** Whether the first generation was complete once. */
  get hasStarted(): boolean {
    return this.#plan !== undefined;
  }

  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** How many workers there ought to be; 0 before the first were ready. */
  get wanted(): number {
    return this.#plan?.workers ?? 0;
  }

  /** Those that take new calls, the oldest first. */
  get serving(): WorkerProcess[] {
    return [...this.#serving].filter(({ isServing }) => isServing);
  }

  /**
   * Starts the first workers, or new ones in place of all; the old ones serve until all new ones do.
   * @param onTurn called when the new ones do
   * @returns `undefined` when the end has begun
   * @throws {WorkerStartError} when one of them could not start; the old ones go on
   */
  async roll(plan: Plan, onTurn: () => void = () => undefined): Promise<WorkerReady | undefined> {
    // The end may have begun while the configuration was read: nobody would drain those that start now.
    if (this.#isEnding) return undefined;
    const fresh = Array.from({ length: plan.workers }, () => this.#fork(plan));
    const [ready] = await this.#complete(fresh);
    if (this.#isEnding) return undefined;
    const old = [...this.#serving];
    const isFirst = this.#plan === undefined;
    this.#serving = new Set(fresh);
    this.#plan = plan;
    if (!isFirst) this.restarts.rolling += fresh.length;
    onTurn();
    await handOver(old);
    return ready;
  }

  /** Those that finish their calls. */
  get draining(): WorkerProcess[] {
    return [...this.workers].filter(({ state }) => state === 'draining');
  }

  /** Lets all finish their calls. Returns whether all of them ended by themselves and in time. */
  async end(options: DrainOptions): Promise<boolean> {
    this.#isEnding = true;
    const exits = [...this.workers].map((worker) => {
      if (worker.state === 'starting') {
        worker.kill();
        return worker.ended.then(() => true);
      }
      return worker.drain(options).then(({ code }) => code === 0);
    });
    return (await Promise.all(exits)).every(Boolean);
  }

  kill(): void {
    this.#isEnding = true;
    for (const worker of this.workers) worker.kill();
  }

  async #complete(fresh: readonly WorkerProcess[]): Promise<WorkerReady[]> {
    try {
      const ready = await Promise.all(fresh.map(({ started }) => started));
      if (!fresh.every(({ isServing }) => isServing))
        throw new WorkerStartError('it crashed after its start');
      return ready;
    } catch (error) {
      // Those that are ready have taken calls already.
      for (const worker of fresh) if (worker.state === 'starting') worker.kill();
      await handOver(fresh);
      throw error;
    }
  }

  #fork(plan: Plan): WorkerProcess {
    const worker = this.options.fork({ worker: this.#freeNumber(), overrides: plan.overrides });
    this.workers.add(worker);
    const { number, pid } = worker;
    worker.started.then(
      () => this.options.logger.info({ worker: number, pid }, 'worker ready'),
      // Whoever waits for it tells it.
      () => undefined,
    );
    void worker.ended.then((exit) => this.#onEnd(worker, exit));
    return worker;
  }

  /** The smallest that no other has: few numbers make few series. */
  #freeNumber(): number {
    const taken = new Set([...this.workers].map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number++;
    return number;
  }

  #onEnd(worker: WorkerProcess, exit: WorkerExit): void {
    this.workers.delete(worker);
    this.options.onEnd(worker);
    const fields = { worker: worker.number, pid: worker.pid, exit_code: exit.code, signal: exit.signal };
    const wasServing = this.#serving.delete(worker);
    if (worker.state === 'draining') {
      const level = exit.code === 0 ? 'info' : 'error';
      this.options.logger[level](fields, 'worker ended');
    } else if (worker.state === 'ready') this.options.logger.error(fields, 'worker crashed');
    if (wasServing && worker.state === 'ready' && !this.#isEnding) void this.#replace(describeExit(exit));
  }

  async #replace(reason: string): Promise<void> {
    const plan = this.#plan as Plan;
    const delayMs = this.#crashes.spend(plan.workers, Date.now());
    if (delayMs === undefined) {
      this.options.onCrashLoop(reason);
      return;
    }
    await delay(delayMs);
    if (!this.#isCurrent(plan)) return;
    const worker = this.#fork(plan);
    this.restarts.crash += 1;
    try {
      await worker.started;
      await this.options.onReplacement(worker);
      if (this.#isCurrent(plan) && worker.isServing) this.#serving.add(worker);
      else if (worker.isServing) await worker.drain({ propagate: this.#isEnding });
      else throw new WorkerStartError('it crashed after its start');
    } catch (error) {
      if (!this.#isCurrent(plan)) return;
      const why = whyOf(error);
      this.options.logger.error({ worker: worker.number }, `worker did not start: ${why}`);
      await this.#replace(why);
    }
  }

  /** False once a rolling restart or the end has made the replacement needless. */
  #isCurrent(plan: Plan): boolean {
    return this.#plan === plan && !this.#isEnding;
  }
}

/**
 * Lets workers finish whose place others have taken. None is sent away before none of them takes a new
 * connection: a client that was refused by one would meet the next, and gRPC asks again only once.
 */
async function handOver(workers: readonly WorkerProcess[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.stopListening()));
  await Promise.all(workers.map((worker) => worker.drain({ propagate: false })));
}

/** What a worker said of its start, as the process' own failure. */
export function toStartError(error: unknown): unknown {
  if (!(error instanceof WorkerStartError)) return error;
  if (typeof error.cause !== 'string') return new StartError(error.message);
  const fault = new Error(error.message);
  fault.stack = error.cause;
  return fault;
}

function describeExit({ code, signal }: WorkerExit): string {
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
}
