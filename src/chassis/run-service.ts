import { pino } from 'pino';
import { endOnSignals } from './lifecycle/index.js';
import { startService, type ServiceDefinition } from './start-service.js';

/** Starts the service as this process: signals end it, a failed start exits 1 with one line that says why. */
export async function runService(service: ServiceDefinition): Promise<void> {
  try {
    const running = await startService(service);
    const shutdownLimitMs = running.config.get('SHUTDOWN_LIMIT_MS');
    endOnSignals(running.shutdown, { logger: running.logger, shutdownLimitMs });
    // Not before the signals are heard: whoever waits for this line may send one at once.
    const { http, grpc, management } = running;
    running.logger.info({ http, grpc, management }, 'service ready');
  } catch (error) {
    // The configuration may be what is broken, so this line is written by a logger that needs none.
    const logger = pino({
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    });
    const reason = error instanceof Error ? error.message : String(error);
    logger.fatal(isExpected(error) ? {} : { err: error }, `service did not start: ${reason}`);
    process.exit(1);
  }
}

/** Faults of the surroundings explain themselves; only faults of the code need their stack. */
function isExpected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ['ConfigError', 'ServiceError', 'StartError'].includes(error.name);
}
