import { performance } from 'node:perf_hooks';
import { inspect } from 'node:util';
import type { Logger } from 'pino';

/** What the process needs of a started service. */
export interface Closable {
  close(): Promise<void>;
}

export interface RunOptions {
  readonly logger: Logger;
  /** Longest time for `close`, in milliseconds; then the process ends by force with exit code 1. */
  readonly shutdownLimitMs: number;
  /**
   * Where SIGTERM and SIGINT come from: a worker gets them from its primary.
   * @default process
   */
  readonly signals?: Pick<NodeJS.EventEmitter, 'on'>;
}

/**
 * Ends the process on signals: SIGTERM and SIGINT close the service and exit 0, a second one or the
 * time limit forces exit 1, SIGQUIT exits at once. What nobody caught is logged and ends the process.
 */
export function endOnSignals(service: Closable, options: RunOptions): void {
  const { logger, shutdownLimitMs, signals = process } = options;
  let isClosing = false;
  const close = async (cause: string, exitCode: number): Promise<void> => {
    if (isClosing) {
      logger.fatal({ cause }, 'shutdown forced');
      process.exit(1);
    }
    isClosing = true;
    logger.info({ cause }, 'shutting down');
    const begin = performance.now();
    setTimeout(() => {
      logger.fatal({ limit_ms: shutdownLimitMs }, 'shutdown took too long; forced');
      process.exit(1);
    }, shutdownLimitMs).unref();
    try {
      await service.close();
      logger.info({ duration_ms: Math.round(performance.now() - begin) }, 'shut down');
      process.exit(exitCode);
    } catch (error) {
      logger.fatal({ err: error }, 'shutdown failed');
      process.exit(1);
    }
  };
  signals.on('SIGTERM', () => void close('SIGTERM', 0));
  signals.on('SIGINT', () => void close('SIGINT', 0));
  process.on('SIGQUIT', () => process.exit(1));
  const crash = (cause: string, error: unknown): void => {
    logger.fatal({ err: error instanceof Error ? error : new Error(inspect(error)) }, cause);
    if (!isClosing) void close(cause, 1);
  };
  process.on('uncaughtException', (error: unknown) => crash('uncaught exception', error));
  process.on('unhandledRejection', (error: unknown) => crash('unhandled rejection', error));
}
