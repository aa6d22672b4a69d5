import { z } from 'zod';
import type { SecretFault } from '../secrets/index.js';
import type { ConfigSource } from './config.js';
import { authFaults } from './auth.schema.js';
import { corsFaults } from './baseline.schema.js';
import { chaosFaults } from './chaos.schema.js';
import { chassisConfigSchema, type ChassisConfig } from './config.schema.js';
import { ConfigError } from './config-error.js';
import { isLive } from './fields.js';
import { secretsConfigShape } from './secrets.schema.js';
import { sourcesConfigShape } from './sources.schema.js';
import { meantBy } from './misspelt.js';
import type { Values } from './sources/values.js';

/** What one source adds; later layers win. */
export interface Layer {
  readonly source: ConfigSource;
  readonly values: Values;
  /** Keys that no schema knows are faults; otherwise they belong to somebody else, as in the environment. */
  readonly isStrict: boolean;
  /** Whether it may say where configuration comes from. */
  readonly maySetSources: boolean;
}

/** All layers as one, not yet validated. */
export interface Merged {
  readonly values: Values;
  readonly sources: ReadonlyMap<string, ConfigSource>;
}

/** All layers as one, validated: every key of the schema, `undefined` for one that is optional and not set. */
export interface Assembled {
  readonly values: ChassisConfig;
  readonly sources: ReadonlyMap<string, ConfigSource>;
}

/** The chassis' keys and further ones. */
export class ConfigSchema {
  readonly #schema: z.ZodObject;
  readonly #known: ReadonlySet<string>;
  /** Keys whose values may change while the service runs. */
  readonly live: ReadonlySet<string>;

  constructor(shape: z.ZodRawShape = {}) {
    this.#schema = chassisConfigSchema.extend(shape);
    const fields = Object.entries(this.#schema.shape);
    this.#known = new Set(fields.map(([key]) => key));
    this.live = new Set(fields.filter(([, field]) => isLive(field as z.ZodType)).map(([key]) => key));
  }

  /** Warnings of names in layers that may hold anything which are one or two letters away from a key. */
  misspelt(layers: readonly Layer[]): string[] {
    return layers
      .filter(({ isStrict }) => !isStrict)
      .flatMap(({ source, values }) =>
        Object.keys(values).flatMap((name) => {
          const key = meantBy(name, this.#known);
          if (key === undefined) return [];
          return `${name} (from ${source}) is no key of this service and does nothing: is ${key} meant?`;
        }),
      );
  }

  /** @throws {ConfigError} when a source sets what it may not, or a key that is not known */
  merge(layers: readonly Layer[]): Merged {
    const sources = new Map<string, ConfigSource>();
    const merged: Record<string, unknown> = {};
    for (const layer of layers) {
      this.#check(layer);
      for (const [key, value] of Object.entries(layer.values)) {
        if (!this.#known.has(key)) continue;
        merged[key] = this.#asMeant(key, value);
        sources.set(key, layer.source);
      }
    }
    return { values: merged, sources };
  }

  /**
   * @param secretFaults values that could not be decrypted; they count as faults of their keys
   * @throws {ConfigError} with all faults together
   */
  validate({ values, sources }: Merged, secretFaults: readonly SecretFault[] = []): Assembled {
    // Code made for a schema pays when it is used often, not once a start or a change.
    const result = this.#schema.safeParse(values, { jitless: true });
    const faulty = new Set(secretFaults.map(({ key }) => key));
    const issues = (result.error?.issues ?? []).filter(({ path }) => !faulty.has(String(path[0])));
    const faults = [...secretFaults.map(({ key, message }) => ({ path: [key], message })), ...issues];
    if (!result.success || faults.length > 0) throw new ConfigError(explain(faults, sources));
    const keys = result.data as unknown as ChassisConfig;
    const together = [...authFaults(keys), ...corsFaults(keys), ...chaosFaults(keys)];
    if (together.length > 0) throw new ConfigError(explain(together, sources));
    // Zod leaves out a key that is optional and not set: whoever compares two configurations would not see it go.
    const all = Object.fromEntries([...this.#known].map((key) => [key, result.data[key]]));
    // The schema is the chassis' own, extended: its output has every key of ChassisConfig.
    return { values: all as unknown as ChassisConfig, sources };
  }

  /** YAML's `true` is a boolean; a key that the environment sets, too, is of texts. */
  #asMeant(key: string, value: unknown): unknown {
    if (typeof value !== 'boolean') return value;
    const field = this.#schema.shape[key] as z.ZodType | undefined;
    return field?.safeParse(value, { jitless: true }).success === true ? value : String(value);
  }

  #withHint(name: string): string {
    const key = meantBy(name, this.#known);
    return key === undefined ? name : `${name} (is ${key} meant?)`;
  }

  #check({ source, values, isStrict, maySetSources }: Layer): void {
    const keys = Object.keys(values);
    const unknown = keys.filter((key) => !this.#known.has(key) || (maySetSources && key === 'APP_ENV'));
    if (isStrict && unknown.length > 0)
      throw new ConfigError(
        `${source} has keys that no schema knows: ${listOf(unknown.map((key) => this.#withHint(key)))}. Remove or rename them.`,
      );
    const early = maySetSources
      ? []
      : keys.filter((key) => key === 'APP_ENV' || key in sourcesConfigShape || key in secretsConfigShape);
    if (early.length > 0)
      throw new ConfigError(
        `${source} may not set ${listOf(early)}: read before it. Set them in the environment or in the profile's file.`,
      );
  }
}

/** A source may hold many. */
function listOf(keys: readonly string[]): string {
  const shown = keys.slice(0, 10).map((key) => key.slice(0, 128));
  return keys.length > shown.length
    ? `${shown.join(', ')} and ${keys.length - shown.length} more`
    : shown.join(', ');
}

function explain(
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
  sources: ReadonlyMap<string, ConfigSource>,
): string {
  const faults = issues.map((issue) => {
    const key = issue.path.join('.');
    return `${key} (from ${sources.get(String(issue.path[0])) ?? 'default'}): ${issue.message}`;
  });
  return `Configuration is not valid. ${faults.join('; ')}. See .env.example for every key.`;
}
