import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { toDatabaseError } from './database-errors.js';
import type { Engine, ListenSession } from './engine.js';

const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 10_000;

interface Subscriber {
  readonly onMessage: (payload: string) => void;
  readonly onLost: (() => void) | undefined;
}

/** All subscriptions over one session, opened by the first of them and again when it is lost. */
export class Notifications {
  #engine: Engine;
  readonly #logger = new Logger('Database');
  readonly #channels = new Map<string, Set<Subscriber>>();
  readonly #closing = new AbortController();
  /** Messages belong to no call, least of all to the one that happened to subscribe first. */
  readonly #outsideCalls = AsyncLocalStorage.snapshot();
  #session: Promise<ListenSession> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Listens there from now on: what is sent until then is lost, as with a connection. */
  use(engine: Engine): void {
    this.#engine = engine;
    // One that never came about is opened there anyway.
    void this.#session?.then((session) => session.close()).catch(() => undefined);
  }

  async listen(channel: string, subscriber: Subscriber): Promise<() => Promise<void>> {
    const subscribers = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, subscribers.add(subscriber));
    try {
      await this.#run(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      this.#remove(channel, subscriber);
      throw toDatabaseError(error);
    }
    return async () => {
      if (!this.#remove(channel, subscriber)) return;
      // A session that is lost or closed meanwhile has forgotten the channel anyway.
      await this.#run(`unlisten ${pg.escapeIdentifier(channel)}`).catch(() => undefined);
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#channels.clear();
    // A session that never came about needs no closing.
    const session = await this.#session?.catch(() => undefined);
    await session?.close();
  }

  async #run(statement: string): Promise<void> {
    if (this.#closing.signal.aborted) throw new Error('The database is closed; nothing can be listened to');
    this.#session ??= this.#outsideCalls(() => this.#open());
    await (await this.#session).run(statement);
  }

  #remove(channel: string, subscriber: Subscriber): boolean {
    const subscribers = this.#channels.get(channel);
    if (!subscribers?.delete(subscriber) || subscribers.size > 0) return false;
    return this.#channels.delete(channel);
  }

  async #open(): Promise<ListenSession> {
    try {
      return this.#watch(await this.#openSession());
    } catch (error) {
      this.#session = undefined;
      throw error;
    }
  }

  #openSession(): Promise<ListenSession> {
    return this.#engine.openListenSession((channel, payload) => {
      for (const subscriber of this.#channels.get(channel) ?? []) {
        this.#tell(() => subscriber.onMessage(payload));
      }
    });
  }

  #watch(session: ListenSession): ListenSession {
    void session.lost.then(() => {
      if (this.#closing.signal.aborted) return;
      this.#logger.warn('The connection for notifications has ended; opening a new one');
      this.#session = this.#reopen();
      // Only a close ends the attempts; whoever waits for the session hears of it.
      this.#session.catch(() => undefined);
      this.#tellLost();
    });
    return session;
  }

  async #reopen(): Promise<ListenSession> {
    for (let backoffMs = BACKOFF_MIN_MS; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)) {
      // Jitter: many processes lose one server at the same moment.
      await delay(backoffMs * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal });
      const session = await this.#openSession().catch(() => undefined);
      if (session && (await this.#resubscribe(session))) return this.#watch(session);
    }
  }

  async #resubscribe(session: ListenSession): Promise<boolean> {
    try {
      for (const channel of this.#channels.keys())
        await session.run(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      this.#logger.warn(`Notifications could not be resumed: ${String(error)}`);
      await session.close().catch(() => undefined);
      return false;
    }
    this.#tellLost();
    return true;
  }

  #tellLost(): void {
    for (const subscribers of this.#channels.values()) {
      for (const { onLost } of subscribers) if (onLost) this.#tell(onLost);
    }
  }

  /** One subscriber's fault is neither the others' nor the connection's. */
  #tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#logger.error(
        'A notification listener failed',
        error instanceof Error ? error.stack : String(error),
      );
    }
  }
}
