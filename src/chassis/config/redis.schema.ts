import { durationMs, optionalUrl } from './fields.js';

/** The Redis server that capabilities share. */
export const redisConfigShape = {
  REDIS_URL: optionalUrl(/^rediss?$/, 'must be a redis:// or rediss:// URL').describe(
    'Redis server, rediss:// for TLS; empty = stores inside the process.',
  ),
  REDIS_CONNECT_TIMEOUT_MS: durationMs().default(1000).describe('Longest wait for a connection to Redis.'),
  REDIS_COMMAND_TIMEOUT_MS: durationMs()
    .default(100)
    .describe('Longest wait for an answer of Redis; what needs it does without after that.'),
};
