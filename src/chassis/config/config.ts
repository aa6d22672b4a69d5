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
  readonly #values: Readonly<T>;
  readonly #sources: ReadonlyMap<string, ConfigSource>;

  constructor(values: T, sources: ReadonlyMap<string, ConfigSource>) {
    this.#values = Object.freeze({ ...values });
    this.#sources = sources;
  }

  /** Counts the configurations that this process has had, from 1. */
  readonly revision = 1;

  get<K extends keyof T>(key: K): T[K] {
    return this.#values[key];
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
