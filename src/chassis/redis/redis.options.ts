/** Where Redis is and how long it may take. */
export interface RedisOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** What `CLIENT LIST` shows. */
  readonly name: string;
  /** Longest time for a connection to be ready, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Longest time for an answer, in milliseconds. */
  readonly commandTimeoutMs: number;
}
