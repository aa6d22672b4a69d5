import { isDeepStrictEqual } from 'node:util';
import { ConfigSubscribers, type ConfigChange, type PrepareChange } from './config-changes.js';
import type { ChassisConfig } from './config.schema.js';

/** Where a value came from; later layers win. */
export type ConfigSource =
  'default' | 'package.json' | `config/${string}.yaml` | '.env' | 'environment' | 'override';

/** One line of `GET /config`: a secret's value reads `[redacted]`. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: unknown;
  readonly source: ConfigSource;
}

const SECRET_KEY = /(TOKEN|SECRET|PASSWORD|PRIVATE_KEY|_KEYS?|_HEADERS)$/;
const REDACTED = '[redacted]';

/**
 * The validated configuration, injectable anywhere. A feature that adds keys of its own names their
 * type: `constructor(private readonly config: Config<ChassisConfig & BillingConfig>)`.
 */
export class Config<T extends object = ChassisConfig> {
  #values: Readonly<T>;
  #sources: ReadonlyMap<string, ConfigSource>;
  #revision = 1;
  readonly #subscribers = new ConfigSubscribers();

  constructor(values: T, sources: ReadonlyMap<string, ConfigSource>) {
    this.#values = Object.freeze({ ...values });
    this.#sources = sources;
  }

  /** Counts the configurations that this process has had, from 1. */
  get revision(): number {
    return this.#revision;
  }

  /** The value that holds now: read it where it is used, not once, if the key is `live()`. */
  get<K extends keyof T>(key: K): T[K] {
    return this.#values[key];
  }

  /** Calls `listener` whenever one of the keys has a new value; what it returns ends that. */
  onChange<K extends keyof T>(keys: readonly K[], listener: (change: ConfigChange<T>) => void): () => void {
    return this.prepareChange(keys, (change) => ({ commit: () => listener(change) }));
  }

  /** As `onChange`, for who may refuse the new values, or has to get something ready for them. */
  prepareChange<K extends keyof T>(keys: readonly K[], prepare: PrepareChange<T>): () => void {
    return this.#subscribers.add(keys, prepare as unknown as PrepareChange<never>);
  }

  /**
   * Takes new values as one, if no subscriber refuses them. Calls must not overlap.
   * @returns the change, `undefined` when nothing differs
   * @throws what the subscriber that refuses throws; then everything is as before
   */
  async change(values: T, sources: ReadonlyMap<string, ConfigSource>): Promise<ConfigChange<T> | undefined> {
    const previous = this.#values;
    const next = Object.freeze({ ...values });
    const names = Object.keys(next) as (keyof T)[];
    const keys = new Set(names.filter((key) => !isDeepStrictEqual(previous[key], next[key])));
    if (keys.size === 0) return undefined;
    const change = { keys, previous, next, revision: this.#revision + 1 };
    const prepared = await this.#subscribers.prepare(change);
    this.#values = next;
    this.#sources = sources;
    this.#revision = change.revision;
    for (const { commit } of prepared) commit();
    return change;
  }

  /** Every key with its value and source, secrets and passwords in URLs redacted. */
  describe(): ConfigEntry[] {
    return Object.entries(this.#values).map(([key, value]) => ({
      key,
      value: redact(key, value),
      source: this.#sources.get(key) ?? 'default',
    }));
  }
}

function redact(key: string, value: unknown): unknown {
  if (value === '') return value;
  if (SECRET_KEY.test(key)) return REDACTED;
  if (typeof value !== 'string' || !URL.canParse(value)) return value;
  const url = new URL(value);
  if (url.password) url.password = 'redacted';
  return url.href;
}
