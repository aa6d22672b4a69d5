import type { RedisClientType } from '@redis/client';
import type { RedisOptions } from './redis.options.js';

/** Commands that wait for their answers at most; beyond that they fail at once. */
const MAX_QUEUE = 10_000;

/** Redis gave no answer in time. It may still carry the command out. */
export class RedisTimeout extends Error {
  override readonly name = 'RedisTimeout';

  constructor(limitMs: number) {
    super(`no answer within ${limitMs} ms`);
  }
}

/**
 * One connection, which is never mended: whoever wants another one opens it. The client's own way to
 * reconnect waits for ever on a server that accepts connections and says nothing.
 */
export class RedisConnection {
  private constructor(private readonly client: RedisClientType) {}

  /** @throws what kept it from opening, within REDIS_CONNECT_TIMEOUT_MS */
  static async open(options: RedisOptions, onLost: (cause: Error) => void): Promise<RedisConnection> {
    const { url, name, connectTimeoutMs } = options;
    // Loaded by those who have a Redis: it takes a tenth of a second.
    const { createClient } = await import('@redis/client');
    const client = createClient({
      url,
      name,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MAX_QUEUE,
      socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false },
    }) as unknown as RedisClientType;
    client.on('error', onLost);
    const connection = new RedisConnection(client);
    try {
      await within(client.connect(), connectTimeoutMs);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** @throws {RedisTimeout}, or what Redis answered */
  send(command: readonly string[], limitMs: number): Promise<unknown> {
    return within(this.client.sendCommand(command as string[]), limitMs);
  }

  /** At once; commands under way fail. */
  close(): void {
    // Closing twice is an error for the client, and none for us.
    if (this.client.isOpen) this.client.destroy();
  }
}

/** @throws {RedisTimeout} when `work` has not ended after `limitMs` */
export function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new RedisTimeout(limitMs)), limitMs);
    work.then(resolve, reject).finally(() => clearTimeout(limit));
  });
}
