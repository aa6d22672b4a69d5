export { Redis, RedisUnavailable, type RedisResult } from './redis.js';
export { RedisTimeout } from './redis-connection.js';
export { RedisModule } from './redis.module.js';
export type { RedisOptions } from './redis.options.js';
export { RedisScript } from './redis-script.js';
