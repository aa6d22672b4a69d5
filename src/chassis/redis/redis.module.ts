import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config/index.js';
import { HealthService } from '../health/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import { Redis } from './redis.js';

/**
 * Provides `Redis` everywhere: one connection for all. A service without REDIS_URL has one that is never up.
 * It connects before the features start and closes after them.
 */
@Global()
@Module({
  providers: [{ provide: Redis, inject: [Config], useFactory: createRedis }],
  exports: [Redis],
})
export class RedisModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly redis: Redis,
    private readonly health: HealthService,
    private readonly metrics: MetricsRegistry,
  ) {}

  async onModuleInit(): Promise<void> {
    this.#count();
    if (!this.redis.isConfigured) return;
    await this.redis.start();
    this.health.addDependency({
      name: 'redis',
      kind: 'redis',
      isCritical: false,
      check: () => this.redis.ping(),
    });
  }

  onApplicationShutdown(): void {
    this.redis.close();
  }

  #count(): void {
    const commands = this.metrics.counter({
      name: 'redis_client_commands_total',
      help: 'Commands to Redis by result; unavailable ones were not sent, because Redis was known to be away.',
      labels: ['result'],
    });
    const series = {
      ok: commands.labels('ok'),
      error: commands.labels('error'),
      timeout: commands.labels('timeout'),
      unavailable: commands.labels('unavailable'),
    };
    this.redis.onResult = (result) => series[result].inc();
  }
}

function createRedis(config: Config): Redis {
  const url = config.get('REDIS_URL');
  if (url === '') return new Redis();
  return new Redis({
    url,
    name: config.get('SERVICE_NAME'),
    connectTimeoutMs: config.get('REDIS_CONNECT_TIMEOUT_MS'),
    commandTimeoutMs: config.get('REDIS_COMMAND_TIMEOUT_MS'),
  });
}
