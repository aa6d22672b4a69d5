import { setLogger } from '@grpc/grpc-js';
import { Logger } from '@nestjs/common';

/**
 * Sends what grpc-js writes to standard error to the service's log, at debug level: whatever matters
 * it also throws or answers, and some of it a caller can cause at will (metadata it cannot read).
 */
export function captureGrpcLog(): void {
  const logger = new Logger('grpc-js');
  const write = (...parts: unknown[]): void => logger.debug(parts.map(String).join(' '));
  setLogger({ error: write, info: write, debug: write });
}
