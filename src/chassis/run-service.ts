import { pino } from 'pino';
import { whyOf } from './errors/primary.js';
import { Authentication } from './auth/index.js';
import { ConfigSources } from './config/index.js';
import { tuneEngine } from './engine.js';
import { LiveConfig } from './live-config/index.js';
import { endOnSignals } from './lifecycle/index.js';
import { ManagementServer } from './management/index.js';
import { MetricsRegistry } from './metrics/index.js';
import { startService, type RunningService, type ServiceDefinition } from './start-service.js';
import { changeLimitMs, WorkerLink } from './workers/index.js';

/** Starts the service as this process: signals end it, a failed start exits 1 with one line that says why. */
export async function runService(service: ServiceDefinition): Promise<void> {
  tuneEngine();
  const link = WorkerLink.open();
  try {
    if (link) await serveAsWorker(service, link);
    else await serveAlone(service);
  } catch (error) {
    const message = whyOf(error);
    const stack = isExpected(error) || !(error instanceof Error) ? undefined : error.stack;
    if (link) await link.failed({ message, ...(stack !== undefined && { stack }) });
    else tellFault(error, message);
    process.exit(1);
  }
}

async function serveAlone(service: ServiceDefinition): Promise<void> {
  const isStarted = endOnSignalsMeanwhile();
  const running = await startService(service);
  const { http, grpc, management, logger } = running;
  endOnSignals(running.shutdown, { logger, shutdownLimitMs: running.config.get('SHUTDOWN_LIMIT_MS') });
  process.on('SIGUSR2', () => {
    logger.warn('one process alone cannot restart without a gap: SIGUSR2 needs WORKERS=2 or more');
  });
  const live = running.app.get(LiveConfig);
  if (running.config.get('CONFIG_RESTART') === 'rolling')
    live.onRestartNeeded(() =>
      logger.warn(
        'one process alone cannot restart without a gap: CONFIG_RESTART=rolling needs WORKERS=2 or more',
      ),
    );
  process.on('SIGHUP', () => void live.reload('SIGHUP'));
  // Node drops a signal that has come in this turn if nobody listens to it in between.
  isStarted();
  // Not before the signals are heard: whoever waits for this line may send one at once.
  logger.info({ http, grpc, management }, 'service ready');
  tellMisspelt(running);
  tellWhetherOpen(running);
}

/**
 * Ends the process of a service that has nothing to drain yet. The system would do that by itself, but not for the
 * first process of a container; and a SIGHUP, which would end it, too, asks for what the start does anyway.
 * @returns to be called when the service hears them itself
 */
function endOnSignalsMeanwhile(): () => void {
  const end = (): never => process.exit(0);
  const ignore = (): void => undefined;
  process.on('SIGTERM', end).on('SIGINT', end).on('SIGHUP', ignore);
  return () => void process.off('SIGTERM', end).off('SIGINT', end).off('SIGHUP', ignore);
}

/** One of several: the primary has the management port and the signals, and tells when the service is ready. */
async function serveAsWorker(service: ServiceDefinition, link: WorkerLink): Promise<void> {
  const { worker, overrides } = await link.order;
  const running = await startService(service, { worker, overrides });
  const { app, config, http, grpc, logger, shutdown } = running;
  const metrics = app.get(MetricsRegistry);
  const management = app.get(ManagementServer);
  const shutdownLimitMs = config.get('SHUTDOWN_LIMIT_MS');
  endOnSignals(shutdown, { logger, shutdownLimitMs, hearsSignals: false, beforeExit: () => link.leave() });
  link.onDrain(({ propagate }) => {
    void shutdown.begin(propagate ? 'the service ends' : 'another worker serves', { isHandover: !propagate });
  });
  const live = app.get(LiveConfig);
  live.onRestartNeeded((wanted) => void link.restartNeeded(wanted));
  link.onReload(() => void live.reload('SIGHUP'));
  if (worker === 1) {
    tellMisspelt(running);
    tellWhetherOpen(running);
  }
  await link.ready(
    { http, grpc, shutdownLimitMs, changeLimitMs: changeLimitMs(config) },
    {
      manage: (request) => management.answer(request),
      metrics: () => metrics.snapshot(),
      stopListening: running.stopListening,
      pinned: () => live.pinned,
      pin: (pinned) => live.pin(pinned),
    },
  );
}

function tellMisspelt({ app, logger }: RunningService): void {
  for (const warning of app.get(ConfigSources, { strict: false }).misspelt) logger.warn(warning);
}

function tellWhetherOpen({ app, config, logger }: RunningService): void {
  if (app.get(Authentication, { strict: false }).isConfigured) return;
  const env = config.get('APP_ENV');
  const level = env === 'staging' || env === 'production' ? 'warn' : 'info';
  logger[level]('no authentication is configured: everybody may call everything; see AUTH_* in .env.example');
}

/** The configuration may be what is broken, so this line is written by a logger that needs none. */
function tellFault(error: unknown, reason: string): void {
  const logger = pino({
    formatters: { level: (label) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  logger.fatal(isExpected(error) ? {} : { err: error }, `service did not start: ${reason}`);
}

/** Faults of the surroundings explain themselves; only faults of the code need their stack. */
function isExpected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ['ConfigError', 'ServiceError', 'StartError'].includes(error.name);
}
