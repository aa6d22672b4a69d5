import { status, type Server, type ServerWritableStream } from '@grpc/grpc-js';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthService,
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthServer,
} from '../../generated/grpc/health/v1/health.js';
import type { Readiness } from '../health/index.js';
import { hasUnknownFlag, UNKNOWN_FLAG } from './call-link.js';

/** The server as a whole; its name in the protocol is empty. */
const WHOLE_SERVER = '';
/** The edge makes of it what it makes of the same fault of a feature's call. */
const MALFORMED = { code: status.INVALID_ARGUMENT, details: UNKNOWN_FLAG };

/**
 * Serves `grpc.health.v1.Health`: every service follows the instance's readiness, watchers are told at
 * once. Ours rather than a package's: the static codecs are here already, and the package loads a
 * protobuf parser that takes a tenth of the service's start.
 */
export function serveHealth(server: Server, services: readonly string[], readiness: Readiness): void {
  const known = new Set([WHOLE_SERVER, ...services]);
  const watchers = new Set<ServerWritableStream<HealthCheckRequest, HealthCheckResponse>>();
  const now = (): HealthCheckResponse => ({
    status: readiness.isReady ? ServingStatus.SERVING : ServingStatus.NOT_SERVING,
  });
  readiness.onChange(() => {
    for (const watcher of watchers) watcher.write(now());
  });
  const health: HealthServer = {
    check: (call, callback) => {
      if (hasUnknownFlag(call)) callback(MALFORMED);
      else if (known.has(call.request.service)) callback(null, now());
      else callback({ code: status.NOT_FOUND, details: 'No service has this name; reflection lists them' });
    },
    watch: (call) => {
      if (hasUnknownFlag(call)) {
        call.emit('error', MALFORMED);
        return;
      }
      if (!known.has(call.request.service)) {
        call.write({ status: ServingStatus.SERVICE_UNKNOWN });
        return;
      }
      watchers.add(call);
      call.once('cancelled', () => watchers.delete(call));
      call.write(now());
    },
    list: (call, callback) => {
      if (hasUnknownFlag(call)) callback(MALFORMED);
      else callback(null, { statuses: Object.fromEntries([...known].map((service) => [service, now()])) });
    },
  };
  server.addService(HealthService, health);
}
