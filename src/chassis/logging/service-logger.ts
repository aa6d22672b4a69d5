import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** Nest's account of its own start, one line for each module and route. */
const START_UP_CONTEXTS = new Set<unknown>([
  'InstanceLoader',
  'NestFactory',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'NestMicroservice',
]);
/** Nest's dump of a failed start; the process reports the same failure in one line of its own. */
const FAILED_START_CONTEXT = 'ExceptionHandler';

/** nestjs-pino's logger for Nest itself: what Nest says of its start stays at debug level. */
@Injectable()
export class ServiceLogger extends Logger {
  override log(message: unknown, ...optional: unknown[]): void {
    if (START_UP_CONTEXTS.has(optional.at(-1))) this.debug(message, ...(optional as []));
    else super.log(message, ...(optional as []));
  }

  override error(message: unknown, ...optional: unknown[]): void {
    if (optional.at(-1) !== FAILED_START_CONTEXT) super.error(message, ...(optional as []));
  }
}
