import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';

/** The stages of a shutdown, in their order. */
export type ShutdownStageName =
  'readiness' | 'withdraw' | 'propagation' | 'accept' | 'calls' | 'dependencies' | 'telemetry';

export interface ShutdownStage {
  readonly name: ShutdownStageName;
  /** Longest time for `run`, in milliseconds. */
  readonly limitMs: number;
  /** A stage that only tells others leaves this out: a worker whose place is taken skips it. */
  readonly isSkippedByHandover?: boolean;
  run(options: Required<BeginOptions>): Promise<void> | void;
  /** What has not ended, by name; asked when the limit has passed. */
  pending?(): readonly string[];
  /** Ends what has not ended; after `pending`, before the next stage. */
  force?(): Promise<void> | void;
}

/** A stage that did not end by itself. */
export interface ForcedStage {
  readonly stage: ShutdownStageName;
  readonly pending: readonly string[];
}

export interface ShutdownReport {
  readonly durationMs: number;
  /** Empty when everything ended by itself. */
  readonly forced: readonly ForcedStage[];
}

export interface ShutdownOptions {
  readonly logger: Logger;
  /** For all stages together, in milliseconds. */
  readonly limitMs: number;
}

export interface BeginOptions {
  /** Another process has taken the place of this one: nobody has to be told that it goes. */
  readonly isHandover?: boolean;
}

/**
 * Takes a service out of traffic and ends it, stage by stage. A stage that does not end within its
 * limit is named in the log with what hangs in it, forced, and the next one follows: no stage can keep
 * the process from ending, and none takes the time of another.
 */
export class Shutdown {
  readonly #stages: ShutdownStage[] = [];
  readonly #listeners: ((cause: string) => void)[] = [];
  #measure: (stage: ShutdownStageName | 'total', seconds: number) => void = () => {};
  #report: Promise<ShutdownReport> | undefined;
  #current: ShutdownStage | undefined;

  constructor(private readonly options: ShutdownOptions) {}

  /** True from the moment a shutdown was asked for. */
  get hasBegun(): boolean {
    return this.#report !== undefined;
  }

  /** The stage at work, and what it waits for; for whoever has to end the process by force. */
  get pending(): ForcedStage | undefined {
    return this.#current && { stage: this.#current.name, pending: this.#current.pending?.() ?? [] };
  }

  /** Adds stages; they run in the order in which they are added. */
  add(...stages: readonly ShutdownStage[]): void {
    this.#stages.push(...stages);
  }

  /** Calls `listener` when a shutdown begins, whoever asked for it. */
  onBegin(listener: (cause: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Calls `measure` at the end of each stage and of all. */
  onDuration(measure: (stage: ShutdownStageName | 'total', seconds: number) => void): void {
    this.#measure = measure;
  }

  /** Runs every stage. Asked again, it answers what the first time comes to. */
  begin(cause: string, options: BeginOptions = {}): Promise<ShutdownReport> {
    if (!this.#report) {
      this.options.logger.info({ cause }, 'shutting down');
      this.#report = this.#runAll(options);
      for (const listener of this.#listeners) listener(cause);
    }
    return this.#report;
  }

  async #runAll({ isHandover = false }: BeginOptions): Promise<ShutdownReport> {
    const begin = performance.now();
    const forced: ForcedStage[] = [];
    for (const stage of this.#stages) {
      if (isHandover && stage.isSkippedByHandover) continue;
      const left = Math.max(0, this.options.limitMs - (performance.now() - begin));
      const result = await this.#runOne(stage, Math.min(stage.limitMs, left), { isHandover });
      if (result) forced.push(result);
    }
    this.#current = undefined;
    const durationMs = performance.now() - begin;
    this.#measure('total', durationMs / 1000);
    return { durationMs, forced };
  }

  async #runOne(
    stage: ShutdownStage,
    limitMs: number,
    options: Required<BeginOptions>,
  ): Promise<ForcedStage | undefined> {
    this.#current = stage;
    const begin = performance.now();
    const outcome = await within(limitMs, () => stage.run(options));
    const durationMs = Math.round(performance.now() - begin);
    this.#measure(stage.name, durationMs / 1000);
    const { logger } = this.options;
    if (outcome === 'done') {
      logger.debug({ stage: stage.name, duration_ms: durationMs }, 'shutdown stage ended');
      return undefined;
    }
    const pending = stage.pending?.() ?? [];
    const fields = { stage: stage.name, limit_ms: Math.round(limitMs), pending };
    if (outcome === 'late') logger.error(fields, 'shutdown stage took too long; forced');
    else logger.error({ ...fields, err: outcome.error }, 'shutdown stage failed');
    await stage.force?.();
    return { stage: stage.name, pending };
  }
}

async function within(
  limitMs: number,
  run: () => Promise<void> | void,
): Promise<'done' | 'late' | { readonly error: unknown }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), limitMs);
  });
  try {
    const work = Promise.resolve(run()).then(() => 'done' as const);
    return await Promise.race([work, late]);
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
  }
}
