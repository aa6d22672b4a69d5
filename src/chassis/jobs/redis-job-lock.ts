import { RedisScript, type Redis } from '../redis/index.js';
import { MEMORY_MS, type Claim, type JobClaim, type JobLock } from './job-lock.js';

/** One key is the lease, the other the time of the last run. */
const CLAIM = new RedisScript(`
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[1]) then return 'taken' end
if not redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[3]) then return 'busy' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4])
return 'acquired'
`);

/** Source: https://redis.io/docs/latest/commands/set/ ("Patterns") */
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

/** One Redis' word. A Redis that fails over may forget what it was told last. */
export class RedisJobLock implements JobLock {
  readonly kind = 'redis';
  readonly #prefix: string;

  /** @param service its name; instances of one name share their jobs */
  constructor(
    private readonly redis: Redis,
    service: string,
  ) {
    // The braces keep all keys of a service on one node of a cluster.
    this.#prefix = `{${service}}:jobs:`;
  }

  async claim({ job, dueAt, token, leaseMs }: JobClaim): Promise<Claim> {
    const values = [dueAt, token, leaseMs, MEMORY_MS].map(String);
    return (await CLAIM.run(this.redis, this.#keysOf(job), values)) as Claim;
  }

  async release({ job, token }: JobClaim): Promise<void> {
    const [lease] = this.#keysOf(job);
    // Whole, not by its digest: where answers come too late, nobody would hear that Redis does not know that.
    await this.redis.send(['EVAL', RELEASE, '1', lease, token]);
  }

  #keysOf(job: string): [lease: string, due: string] {
    return [`${this.#prefix}${job}:lease`, `${this.#prefix}${job}:due`];
  }
}
