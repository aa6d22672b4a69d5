import { Logger, PinoLogger } from 'nestjs-pino';
import type { Logger as PinoInstance } from 'pino';

/** Nest's account of its own start, one line for each module and route. */
const START_UP_CONTEXTS = new Set<unknown>([
  'InstanceLoader',
  'NestFactory',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'NestMicroservice',
]);
/** Nest's own reports of a failed start; the process reports the same failure in one line. */
const FAILED_START_CONTEXTS = new Set<unknown>(['ExceptionHandler', 'NestApplication']);

/** nestjs-pino's logger for Nest itself: what Nest says of its start stays at debug level. */
export class ServiceLogger extends Logger {
  /** Made by hand rather than injected: Nest reports also what keeps its container from existing. */
  static over(logger: PinoInstance): ServiceLogger {
    const params = { pinoHttp: { logger } };
    return new ServiceLogger(new PinoLogger(params), params);
  }

  override log(message: unknown, ...optional: unknown[]): void {
    if (START_UP_CONTEXTS.has(optional.at(-1))) this.debug(message, ...(optional as []));
    else super.log(message, ...(optional as []));
  }

  override error(message: unknown, ...optional: unknown[]): void {
    if (!FAILED_START_CONTEXTS.has(optional.at(-1))) super.error(message, ...(optional as []));
  }
}
