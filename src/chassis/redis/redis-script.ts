import { createHash } from 'node:crypto';
import type { Redis } from './redis.js';

/** Runs whole or not at all, with nothing in between: a Lua script that Redis keeps by its digest. */
export class RedisScript {
  readonly #digest: string;

  constructor(private readonly source: string) {
    this.#digest = createHash('sha1').update(source).digest('hex');
  }

  /**
   * Sends the digest alone; a Redis that does not know it, such as one that was restarted, gets the source.
   * @throws as `Redis.send` does
   */
  async run(redis: Redis, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...values];
    try {
      return await redis.send(['EVALSHA', this.#digest, ...rest]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.send(['EVAL', this.source, ...rest]);
    }
  }
}
