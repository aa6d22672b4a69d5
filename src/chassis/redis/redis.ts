import { Logger } from '@nestjs/common';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { disturbanceOf, type Disturbance } from '../context/index.js';
import { whyOf } from '../errors/index.js';
import { RedisConnection, RedisTimeout, within } from './redis-connection.js';
import type { RedisOptions } from './redis.options.js';

/** So many commands without an answer in time, one after the other, mean that Redis is away. */
const TIMEOUTS_TO_OPEN = 3;
/** Between two attempts to reach it again, in milliseconds. */
const RETRY_MS = 500;
/**
 * How a Redis that answers says that it keeps nothing: it has become a replica, is full, cannot write to its disk, is
 * part of no whole cluster … What a script meets stands in the midst of the message before Redis 7.
 */
const KEEPS_NOTHING = /(?:^|-)(?:READONLY|OOM|MISCONF|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS) /;

/** Redis is away, or not configured. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
}

/** How a command ended. */
export type RedisResult = 'ok' | 'error' | 'timeout' | 'unavailable';

/**
 * The service's one connection to Redis, with a circuit breaker around it: while Redis is away every command
 * fails at once, and a ping in the background finds out when it is back. Nothing is queued meanwhile.
 */
export class Redis {
  readonly #logger = new Logger(Redis.name);
  readonly #closing = new AbortController();
  /** The connection belongs to no call, least of all to the one that happened to notice its loss. */
  readonly #outsideCalls = AsyncLocalStorage.snapshot();
  #connection: RedisConnection | undefined;
  #started: Promise<void> | undefined;
  #timeouts = 0;
  #cause = 'not connected yet';
  /** Called with the result of every command; for metrics. */
  onResult: (result: RedisResult) => void = () => undefined;

  /** @param options none where no Redis is configured */
  constructor(private readonly options?: RedisOptions) {}

  /** Whether there is one at all: REDIS_URL is set. */
  get isConfigured(): boolean {
    return this.options !== undefined;
  }

  /** Whether it answered last; where it is not configured, never. */
  get isUp(): boolean {
    return this.#connection !== undefined;
  }

  /** Longest time that a command takes, in milliseconds. */
  get commandTimeoutMs(): number {
    return this.options?.commandTimeoutMs ?? 0;
  }

  /** Connects. Resolves after the first attempt, however it went: a service does without. */
  start(): Promise<void> {
    if (!this.options) return Promise.resolve();
    const { options } = this;
    return (this.#started ??= this.#outsideCalls(async () => {
      if (!(await this.#attempt(options))) void this.#retry(options);
    }));
  }

  /**
   * Sends a command as it is written in Redis' documentation: `redis.send(['GET', key])`.
   * @throws {RedisUnavailable} at once while Redis is away
   * @throws {RedisTimeout} after REDIS_COMMAND_TIMEOUT_MS; Redis may still carry the command out
   * @throws Error with what Redis answered
   */
  async send(command: readonly string[]): Promise<unknown> {
    const connection = this.#connection;
    if (!connection) {
      this.onResult('unavailable');
      throw new RedisUnavailable(`Redis is away: ${this.#cause}`);
    }
    const disturbance = disturbanceOf('redis');
    if (disturbance) await this.#disturb(disturbance);
    try {
      const reply = await connection.send(command, this.commandTimeoutMs);
      this.#timeouts = 0;
      this.onResult('ok');
      return reply;
    } catch (error) {
      this.#noteFailure(connection, error);
      throw error;
    }
  }

  /** For health checks. @throws when it does not answer */
  async ping(): Promise<void> {
    await this.send(['PING']);
  }

  /** Closes the connection at once. */
  close(): void {
    this.#closing.abort();
    this.#connection?.close();
    this.#connection = undefined;
    this.#cause = 'the service ends';
  }

  /** Nothing that is done on purpose loses the connection, or tells health checks that Redis is away. */
  async #disturb(disturbance: Disturbance): Promise<void> {
    try {
      await within(Promise.resolve(disturbance.begin()), this.commandTimeoutMs);
    } catch (error) {
      const isAway = isRefused(error);
      this.onResult(error instanceof RedisTimeout ? 'timeout' : isAway ? 'unavailable' : 'error');
      throw isAway ? new RedisUnavailable(`Redis is away: ${error.message}`) : error;
    }
  }

  #noteFailure(connection: RedisConnection, error: unknown): void {
    const isTimeout = error instanceof RedisTimeout;
    this.onResult(isTimeout ? 'timeout' : 'error');
    if (isTimeout) this.#timeouts += 1;
    if (this.#timeouts >= TIMEOUTS_TO_OPEN || keepsNothing(error)) this.#lose(connection, error);
  }

  /** True when Redis answers on a new connection. */
  async #attempt(options: RedisOptions): Promise<boolean> {
    try {
      const opening: { connection?: RedisConnection } = {};
      const connection = await RedisConnection.open(options, (cause) => {
        if (opening.connection) this.#lose(opening.connection, cause);
      });
      opening.connection = connection;
      await this.#verify(connection, options);
      if (this.#closing.signal.aborted) connection.close();
      else this.#connection = connection;
      this.#timeouts = 0;
      return true;
    } catch (error) {
      this.#note(error);
      return false;
    }
  }

  /** It answers, and keeps what it is told. Whether this key may be written is nothing that it needs. */
  async #verify(connection: RedisConnection, { name, commandTimeoutMs }: RedisOptions): Promise<void> {
    try {
      await connection.send(['PING'], commandTimeoutMs);
      await connection.send(['SET', `{${name}}:probe`, '', 'PX', '1'], commandTimeoutMs).catch((error) => {
        if (error instanceof RedisTimeout || keepsNothing(error)) throw error;
      });
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #lose(connection: RedisConnection, cause: unknown): void {
    connection.close();
    if (this.#connection !== connection || !this.options) return;
    this.#connection = undefined;
    this.#note(cause);
    const { options } = this;
    void this.#outsideCalls(() => this.#retry(options));
  }

  #note(cause: unknown): void {
    this.#cause = whyOf(cause);
  }

  async #retry(options: RedisOptions): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    this.#logger.warn({ cause: this.#cause }, 'Redis is away; what needs it does without');
    const begin = performance.now();
    do {
      // Jitter: many instances lose one server at the same moment.
      await sleep(RETRY_MS * (0.5 + Math.random() / 2), undefined, { ref: false, signal }).catch(
        () => undefined,
      );
      if (signal.aborted) return;
    } while (!(await this.#attempt(options)));
    this.#logger.log({ away_ms: Math.round(performance.now() - begin) }, 'Redis is back');
  }
}

function keepsNothing(error: unknown): boolean {
  return error instanceof Error && KEEPS_NOTHING.test(error.message);
}

function isRefused(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
