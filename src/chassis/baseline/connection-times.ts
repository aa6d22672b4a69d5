import type { Config } from '../config/index.js';

/** Node looks for requests that take too long this often, in milliseconds; oftener where the limits are short. */
const CHECK_INTERVAL_MS = 1000;
/** For the answer that a deadline makes. */
const DEADLINE_MARGIN_MS = 1000;

/**
 * How long a connection may take for each of its parts; options for Fastify, their `http` part for Node.
 * What is over in time is answered with 408; an idle connection is closed.
 */
export function connectionTimes(config: Config) {
  const requestTimeout = config.get('HTTP_REQUEST_TIMEOUT_MS');
  // The headers are a part of the request: Node refuses a longer limit for them.
  const headersTimeout = Math.min(config.get('HTTP_HEADERS_TIMEOUT_MS'), requestTimeout);
  return {
    // Nothing moves while a handler works; its deadline is first.
    connectionTimeout: Math.max(
      config.get('HTTP_STALLED_TIMEOUT_MS'),
      config.get('MAX_DEADLINE_MS') + DEADLINE_MARGIN_MS,
    ),
    requestTimeout,
    keepAliveTimeout: config.get('HTTP_KEEP_ALIVE_TIMEOUT_MS'),
    http: {
      requestTimeout,
      headersTimeout,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, Math.ceil(headersTimeout / 4)),
    },
  };
}
