import { inspect } from 'node:util';
import type { Logger } from 'pino';
import type { Shutdown } from './shutdown.js';

/** Beyond the limit of all stages, for a stage that holds the event loop, in milliseconds. */
const LAST_RESORT_MS = 1000;

export interface EndOptions {
  readonly logger: Logger;
  /** What all stages of the shutdown may take together, in milliseconds. */
  readonly shutdownLimitMs: number;
  /**
   * Whether SIGTERM and SIGINT begin the shutdown: a worker's primary does it in their place.
   * @default true
   */
  readonly hearsSignals?: boolean;
  /** Waited for after the last stage, before the process ends. */
  readonly beforeExit?: () => Promise<void>;
}

/**
 * Ends the process with its service: SIGTERM and SIGINT begin the shutdown, and whoever else begins it
 * ends the process too. Exit code 0 when every stage ended by itself, else 1. A second signal forces
 * the end, SIGQUIT ends at once. What nobody caught is logged, begins the shutdown and exits 1.
 */
export function endOnSignals(shutdown: Shutdown, options: EndOptions): void {
  const { logger, shutdownLimitMs, hearsSignals = true } = options;
  let hasCrashed = false;
  const force = (cause: string): void => {
    logger.fatal({ cause, ...shutdown.pending }, 'shutdown forced');
    process.exit(1);
  };
  shutdown.onBegin((cause) => {
    setTimeout(() => force('took too long'), shutdownLimitMs + LAST_RESORT_MS).unref();
    void shutdown.begin(cause).then(async ({ durationMs, forced }) => {
      const stages = forced.map(({ stage }) => stage);
      logger.info(
        { duration_ms: Math.round(durationMs), ...(stages.length > 0 && { forced: stages }) },
        'shut down',
      );
      await options.beforeExit?.();
      process.exit(hasCrashed || forced.length > 0 ? 1 : 0);
    });
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (shutdown.hasBegun) force(signal);
    else void shutdown.begin(signal);
  };
  if (hearsSignals) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  process.on('SIGQUIT', () => process.exit(1));
  const crash = (cause: string, error: unknown): void => {
    hasCrashed = true;
    logger.fatal({ err: error instanceof Error ? error : new Error(inspect(error)) }, cause);
    void shutdown.begin(cause);
  };
  process.on('uncaughtException', (error: unknown) => crash('uncaught exception', error));
  process.on('unhandledRejection', (error: unknown) => crash('unhandled rejection', error));
}
