import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Redis } from '../redis/index.js';
import { RedisTokenSource } from './redis-token-source.js';
import type { TokenSource } from './token-source.js';

/** Where buckets are that several processes share. */
@Injectable()
export class TokenSources {
  /** None where this process is the only one. */
  readonly shared: TokenSource | undefined;

  constructor(config: Config, redis: Redis) {
    this.shared = redis.isConfigured ? new RedisTokenSource(redis, config.get('SERVICE_NAME')) : undefined;
  }
}
