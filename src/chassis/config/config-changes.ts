/** A change of the configuration, before and after it takes effect. */
export interface ConfigChange<T extends object> {
  /** The keys whose values differ. */
  readonly keys: ReadonlySet<keyof T>;
  readonly previous: Readonly<T>;
  readonly next: Readonly<T>;
  /** The one that `next` has. */
  readonly revision: number;
}

/** A change that holds. */
export interface AppliedChange<T extends object> extends ConfigChange<T> {
  /** What subscribers threw that could not take it although they must. */
  readonly faults: readonly unknown[];
}

/** What a subscriber has got ready: exactly one of the two is called, once. */
export interface PreparedChange {
  /** The new values hold: take them. Must not fail. */
  readonly commit: () => void;
  /** Somebody refused: drop what was got ready. Must not fail. @default nothing to drop */
  readonly discard?: () => void;
}

/** @throws to refuse the change; the message goes to the log and to `GET /config` */
export type PrepareChange<T extends object> = (
  change: ConfigChange<T>,
) => PreparedChange | Promise<PreparedChange>;

/** Hears what a `discard` throws: the refusal stands, and all others drop what they have. */
export type OnDiscardFault = (fault: unknown) => void;

interface Subscriber {
  readonly keys: readonly PropertyKey[];
  readonly prepare: PrepareChange<never>;
}

/** Who is asked before the configuration changes, and told when it has. */
export class ConfigSubscribers {
  readonly #subscribers = new Set<Subscriber>();

  /** What it returns ends the subscription. */
  add(keys: readonly PropertyKey[], prepare: PrepareChange<never>): () => void {
    const subscriber = { keys, prepare };
    this.#subscribers.add(subscriber);
    return () => void this.#subscribers.delete(subscriber);
  }

  /**
   * Asks everybody whom the change concerns, one after the other.
   * @throws what the first to refuse throws, or when they take longer than `limitMs` together; what others had got
   * ready is dropped
   */
  async prepare<T extends object>(
    change: ConfigChange<T>,
    limitMs: number,
    onDiscardFault: OnDiscardFault,
  ): Promise<readonly PreparedChange[]> {
    const prepared: PreparedChange[] = [];
    const drop = ({ discard }: PreparedChange): void => {
      try {
        discard?.();
      } catch (fault) {
        onDiscardFault(fault);
      }
    };
    const limit = new TimeLimit(limitMs, drop);
    try {
      for (const { keys, prepare } of this.#subscribers)
        if (keys.some((key) => change.keys.has(key as keyof T)))
          prepared.push(await limit.hold((prepare as unknown as PrepareChange<T>)(change)));
      return prepared;
    } catch (error) {
      for (const each of prepared) drop(each);
      throw error;
    } finally {
      limit.end();
    }
  }
}

/** Of all subscribers together. */
class TimeLimit {
  readonly #over = Promise.withResolvers<never>();
  readonly #timer: NodeJS.Timeout;
  #isOver = false;

  constructor(
    limitMs: number,
    private readonly drop: (late: PreparedChange) => void,
  ) {
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#over.reject(new Error(`a part of the service was not ready for it within ${limitMs} ms`));
    }, limitMs).unref();
    // Nobody may be waiting when it is over.
    this.#over.promise.catch(() => undefined);
  }

  /** What comes after the limit is dropped. */
  hold(preparing: PreparedChange | Promise<PreparedChange>): Promise<PreparedChange> {
    const late = Promise.resolve(preparing);
    late.then(
      (prepared) => this.#isOver && this.drop(prepared),
      () => undefined,
    );
    return Promise.race([late, this.#over.promise]);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
