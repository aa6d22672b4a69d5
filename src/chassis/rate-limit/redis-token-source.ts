import { Logger } from '@nestjs/common';
import { whyOf } from '../errors/index.js';
import { RedisScript, type Redis } from '../redis/index.js';
import type { Rate } from './token-bucket.js';
import type { Grant, TokenSource } from './token-source.js';

const MICROSECONDS = 1000;
/** How a Redis that is there says that it runs no script for us: no right to it, or somebody else's does not end. */
const REFUSES = /(?:^|-)(?:NOPERM|NOAUTH|BUSY) |unknown command/;
/** It is asked again after this time, in milliseconds. */
const REFUSED_MS = 5000;

/**
 * `TokenBucket` on Redis' own clock, in microseconds since 2026: numbers small enough to be exact. The key ends
 * when the bucket is full, since a full one need not be remembered. What is needed may be negative: tokens
 * that come back. Beside the time the key has the capacity that it was reckoned with: at another one the same
 * part of the bucket stays taken, and is stored at once, so that it comes back at the new rate.
 */
const TAKE = new RedisScript(`
local clock = redis.call('TIME')
local now = (tonumber(clock[1]) - 1767225600) * 1000000 + tonumber(clock[2])
local interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local needed, wanted = tonumber(ARGV[3]), tonumber(ARGV[4])
local time, stored = string.match(redis.call('GET', KEYS[1]) or '0 ' .. ARGV[2], '(%S+) (%S+)')
local full, former = math.max(now, tonumber(time)), tonumber(stored)
if former ~= capacity then full = now + (full - now) * capacity / former end
local free = math.floor((capacity - (full - now)) / interval + 0.000001)
local granted = 0
if needed < 0 then granted = needed elseif free >= needed then granted = math.min(free, wanted) end
if granted ~= 0 or former ~= capacity then
  full = full + granted * interval
  if full > now then
    local value = string.format('%.17g %s', full, ARGV[2])
    redis.call('SET', KEYS[1], value, 'PX', math.ceil((full - now) / 1000))
  else
    redis.call('DEL', KEYS[1])
  end
end
local wait = math.max(0, full + wanted * interval - capacity - now)
return { granted, math.max(0, free - granted), math.ceil(wait) }
`);

/** Buckets in Redis: what all instances of a service grant together is limited. */
export class RedisTokenSource implements TokenSource {
  readonly name = 'redis';
  readonly #logger = new Logger('RateLimits');
  readonly #prefix: string;
  /** Since when it refuses, on the monotonic clock. */
  #refusedAt: number | undefined;

  /** @param service its name; instances of one name share their buckets */
  constructor(
    private readonly redis: Redis,
    service: string,
  ) {
    // The braces keep all keys of a service on one node of a cluster.
    this.#prefix = `{${service}}:rate-limit:`;
  }

  get isUp(): boolean {
    const isRefused = this.#refusedAt !== undefined && performance.now() - this.#refusedAt < REFUSED_MS;
    return this.redis.isUp && !isRefused;
  }

  get limitMs(): number {
    return this.redis.commandTimeoutMs;
  }

  async take(policy: string, key: string, rate: Rate, needed: number, wanted: number): Promise<Grant> {
    const reply = await this.#run(policy, key, rate, needed, wanted);
    const [granted = 0, left = 0, waitMicroseconds = 0] = reply as number[];
    return { granted, left, waitMs: waitMicroseconds / MICROSECONDS };
  }

  async giveBack(policy: string, key: string, rate: Rate, tokens: number): Promise<void> {
    await this.#run(policy, key, rate, -tokens, 0);
  }

  async reset(policy: string, key: string): Promise<void> {
    await this.redis.send(['DEL', this.#keyOf(policy, key)]);
  }

  async #run(
    policy: string,
    key: string,
    { intervalMs, capacityMs }: Rate,
    needed: number,
    wanted: number,
  ): Promise<unknown> {
    const values = [intervalMs * MICROSECONDS, capacityMs * MICROSECONDS, needed, wanted];
    try {
      const reply = await TAKE.run(this.redis, [this.#keyOf(policy, key)], values.map(String));
      if (this.#refusedAt !== undefined) this.#logger.log('Redis counts for rate limits again');
      this.#refusedAt = undefined;
      return reply;
    } catch (error) {
      if (error instanceof Error && REFUSES.test(error.message)) this.#noteRefusal(error);
      throw error;
    }
  }

  #noteRefusal(error: Error): void {
    const text = 'Redis refuses to count for rate limits; each instance does by itself';
    if (this.#refusedAt === undefined) this.#logger.warn({ cause: whyOf(error) }, text);
    this.#refusedAt = performance.now();
  }

  #keyOf(policy: string, key: string): string {
    return `${this.#prefix}${policy}:${key}`;
  }
}
