/** Where Redis is and how long it may take. */
export interface RedisOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** What `CLIENT LIST` shows. */
  readonly name: string;
  /** Longest time for a connection to be ready. */
  readonly connectTimeoutMs: number;
  /** Longest time for an answer. */
  readonly commandTimeoutMs: number;
}
