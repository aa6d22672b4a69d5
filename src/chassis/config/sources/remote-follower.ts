import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ConfigSource } from '../config.js';
import type { FollowedSource } from './followed-source.js';
import type { RemoteSource } from './remote-source.js';
import { parseEntries, type Values } from './values.js';

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 10_000;

/** Keeps what a store said last, asks it again and again while it is away, and follows it while it is there. */
export class RemoteFollower implements FollowedSource {
  readonly isRemote = true;
  #values: Values = {};
  #fault: string | undefined;
  #run = new AbortController();
  #onTurn: (source: FollowedSource) => void = () => undefined;

  constructor(private readonly source: RemoteSource) {}

  get name(): ConfigSource {
    return this.source.name;
  }

  get values(): Values {
    return this.#values;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  /** Begins anew with a connection of its own; resolves when the store has answered, or has not. */
  look(): Promise<void> {
    this.#run.abort();
    this.#run = new AbortController();
    return new Promise((resolve) => void this.#followWhile(this.#run.signal, resolve));
  }

  /** Stands in for a store that is away, or says what cannot be. */
  assume(values: Values): void {
    this.#values = values;
  }

  follow(onTurn: (source: FollowedSource) => void): void {
    this.#onTurn = onTurn;
  }

  stop(): void {
    this.#run.abort();
  }

  async #followWhile(signal: AbortSignal, afterFirst: () => void): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        for await (const entries of this.source.contents(signal)) {
          if (signal.aborted) break;
          failures = 0;
          this.#take(entries);
          afterFirst();
        }
      } catch (error) {
        if (!signal.aborted) this.#turn(this.#values, `${this.name} cannot be read: ${messageOf(error)}`);
      }
      afterFirst();
      // The end of the run ends the wait by rejecting it.
      await sleep(delayMs(failures), undefined, { signal, ref: false }).catch(() => undefined);
    }
    afterFirst();
  }

  #take(entries: ReadonlyMap<string, string>): void {
    try {
      this.#turn(parseEntries(this.name, entries), undefined);
    } catch (error) {
      this.#turn(this.#values, messageOf(error));
    }
  }

  #turn(values: Values, fault: string | undefined): void {
    if (isDeepStrictEqual(values, this.#values) && fault === this.#fault) return;
    this.#values = values;
    this.#fault = fault;
    this.#onTurn(this);
  }
}

/** Exponential, between the whole and the half of it, so that many instances do not ask at one time. */
function delayMs(failures: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** failures, MAX_DELAY_MS) * (0.5 + Math.random() / 2);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // What Node says of several addresses of one name has no message of its own.
  return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
}
