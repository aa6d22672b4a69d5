import { Injectable } from '@nestjs/common';
import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import { Config } from '../config/index.js';
import { Redis } from '../redis/index.js';
import { RedisTokenSource } from './redis-token-source.js';
import type { TokenSource } from './token-source.js';

/** Where buckets are that several processes share. */
@Injectable()
export class TokenSources {
  /** None where this process is the only one. */
  readonly shared: TokenSource | undefined;
  /** Processes among which a limit is divided where none knows of the others. */
  readonly processes: number;

  constructor(config: Config, redis: Redis) {
    this.shared = redis.isConfigured ? new RedisTokenSource(redis, config.get('SERVICE_NAME')) : undefined;
    const instances = this.shared ? config.get('RATE_LIMIT_FALLBACK_INSTANCES') : 1;
    this.processes = instances * workersOf(config);
  }
}

function workersOf(config: Config): number {
  if (!cluster.isWorker) return 1;
  const workers = config.get('WORKERS');
  return workers === 'auto' ? availableParallelism() : workers;
}
