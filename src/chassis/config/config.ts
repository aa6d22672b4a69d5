import { isDeepStrictEqual } from 'node:util';
import { currentCall, runInScope, Scope } from '../context/index.js';
import {
  ConfigSubscribers,
  type AppliedChange,
  type ConfigChange,
  type OnDiscardFault,
  type PreparedChange,
  type PrepareChange,
} from './config-changes.js';
import type { ChassisConfig } from './config.schema.js';
import { REDACTED, redactFields, redactUrls } from './redact.js';

/** Where a value came from; later layers win. */
export type ConfigSource =
  | 'default'
  | 'package.json'
  | `config/${string}.yaml`
  | `file:${string}`
  | `directory:${string}`
  | `consul:${string}`
  | `etcd:${string}`
  | '.env'
  | 'environment'
  | 'override'
  | `revision ${number}`;

/** One line of `GET /config`: a secret's value reads `[redacted]`, one that is not set `null`. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: unknown;
  readonly source: ConfigSource;
}

/** Values that hold together. */
interface Settings<T extends object> {
  readonly of: Config<T>;
  readonly values: Readonly<T>;
}

const SECRET_KEY = /(TOKEN|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|APIKEY|_KEYS?|_HEADERS)$/;
const PREPARE_LIMIT_MS = 10_000;

/**
 * The validated configuration, injectable anywhere. A feature that adds keys of its own names their
 * type: `constructor(private readonly config: Config<ChassisConfig & BillingConfig>)`.
 */
export class Config<T extends object = ChassisConfig> {
  #settings: Settings<T>;
  #sources: ReadonlyMap<string, ConfigSource>;
  #revision = 1;
  readonly #subscribers = new ConfigSubscribers();
  #lastChange: Promise<unknown> = Promise.resolve();

  /** @param hidden keys whose values are never shown, beside those whose names say so; it may grow */
  constructor(
    values: T,
    sources: ReadonlyMap<string, ConfigSource>,
    private readonly hidden: ReadonlySet<string> = new Set(),
  ) {
    this.#settings = { of: this, values: Object.freeze({ ...values }) };
    this.#sources = sources;
  }

  /** Counts the configurations that this process has had, from 1. */
  get revision(): number {
    return this.#revision;
  }

  /** What the transport edge hands to a call that begins: `get` in that call gives these values to its end. */
  get settings(): object {
    return this.#settings;
  }

  /** All values that hold now, also inside of a call. */
  get values(): Readonly<T> {
    return this.#settings.values;
  }

  /**
   * The value that holds now: read it where it is used, not once, if the key is `live()`. Inside of a call it is
   * the value that held when the call began, so that a call never sees half of a change; `values` has the newest.
   */
  get<K extends keyof T>(key: K): T[K] {
    return (this.#revision === 1 ? this.#settings : this.#settingsOfCall()).values[key];
  }

  /** Calls `listener` whenever one of the keys has a new value; what it returns ends that. */
  onChange(keys: readonly (keyof T)[], listener: (change: ConfigChange<T>) => void): () => void {
    return this.prepareChange(keys, (change) => ({ commit: () => listener(change) }));
  }

  /** As `onChange`, for who may refuse the new values, or has to get something ready for them. */
  prepareChange(keys: readonly (keyof T)[], prepare: PrepareChange<T>): () => void {
    return this.#subscribers.add(keys, prepare as unknown as PrepareChange<never>);
  }

  /**
   * Takes new values as one, if no subscriber refuses them; one change after the other.
   * @param limitMs longest time for all subscribers to get ready @default 10000
   * @param onDiscardFault hears of subscribers that fail to drop what they had got ready, also after the change was refused
   * @returns the change, `undefined` when nothing differs
   * @throws what the subscriber that refuses throws; then everything is as before
   */
  change(
    values: T,
    sources: ReadonlyMap<string, ConfigSource>,
    limitMs = PREPARE_LIMIT_MS,
    onDiscardFault: OnDiscardFault = () => undefined,
  ): Promise<AppliedChange<T> | undefined> {
    // Who takes it reads what holds now, not what a call that asked for it began with.
    const begin = () => runInScope(Scope.NONE, () => this.#change(values, sources, limitMs, onDiscardFault));
    const change = this.#lastChange.then(begin, begin);
    this.#lastChange = change;
    return change;
  }

  /** Every key with its value and source, secrets and those of URLs redacted. */
  describe(): ConfigEntry[] {
    return Object.entries(this.#settings.values).map(([key, value]) => ({
      key,
      value: this.redact(key, value),
      source: this.#sources.get(key) ?? 'default',
    }));
  }

  /** As it may be shown: nothing of secrets, also of those in URLs; `null` for what is not set. */
  redact(key: string, value: unknown): unknown {
    if (value === undefined) return null;
    if (value === '') return value;
    if (SECRET_KEY.test(key) || this.hidden.has(key)) return REDACTED;
    if (typeof value === 'object') return redactFields(value);
    return typeof value === 'string' ? redactUrls(value) : value;
  }

  #settingsOfCall(): Settings<T> {
    const held = currentCall()?.settings as Settings<T> | undefined;
    return held?.of === this ? held : this.#settings;
  }

  async #change(
    values: T,
    sources: ReadonlyMap<string, ConfigSource>,
    limitMs: number,
    onDiscardFault: OnDiscardFault,
  ): Promise<AppliedChange<T> | undefined> {
    const previous = this.#settings.values;
    const next = Object.freeze({ ...values });
    const names = Object.keys(next) as (keyof T)[];
    const keys = new Set(names.filter((key) => !isDeepStrictEqual(previous[key], next[key])));
    if (keys.size === 0) {
      this.#sources = sources;
      return undefined;
    }
    const change = { keys, previous, next, revision: this.#revision + 1 };
    const prepared = await this.#subscribers.prepare(change, limitMs, onDiscardFault);
    this.#settings = { of: this, values: next };
    this.#sources = sources;
    this.#revision = change.revision;
    return { ...change, faults: commitAll(prepared) };
  }
}

/** One that fails keeps no other from taking the change. */
function commitAll(prepared: readonly PreparedChange[]): readonly unknown[] {
  const faults: unknown[] = [];
  for (const { commit } of prepared) {
    try {
      commit();
    } catch (error) {
      faults.push(error);
    }
  }
  return faults;
}
