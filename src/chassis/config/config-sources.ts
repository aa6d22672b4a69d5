import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { openSecrets, type Secrets } from '../secrets/index.js';
import { Config } from './config.js';
import { ConfigError } from './config-error.js';
import { EarlyLayers } from './early-layers.js';
import type { LoadConfigOptions } from './load-config.js';
import { ConfigSchema, type Assembled, type Layer, type Merged } from './merge-layers.js';
import { chooseFiles, chooseStores, snapshotPath } from './sources/choose-sources.js';
import type { FollowedSource } from './sources/followed-source.js';
import type { LocalFollower } from './sources/local-follower.js';
import type { RemoteFollower } from './sources/remote-follower.js';
import { SnapshotFile } from './sources/snapshot-file.js';
import type { Values } from './sources/values.js';
import { secretsConfigShape } from './secrets.schema.js';
import { sourcesConfigShape, type SourceSettings } from './sources.schema.js';

/** The snapshot stands in for a store since the start. */
export interface StandIn {
  readonly source: string;
  /** Why the store's own word was of no use. */
  readonly reason: string;
  /** When the snapshot was written. */
  readonly snapshotOf: string;
}

/** What all sources say at one time, not yet validated. */
export interface Gathered extends Merged {
  /** What the stores say of it, for the snapshot. */
  readonly stores: Readonly<Record<string, Values>>;
}

interface Parts {
  readonly schema: ConfigSchema;
  readonly settings: SourceSettings;
  readonly early: EarlyLayers;
  readonly snapshot: SnapshotFile;
  readonly secrets: Secrets;
}

/**
 * Every place that configuration comes from, in the order in which they win: name and version in `package.json`, the
 * profile's file, CONFIG_FILES, CONFIG_DIRECTORIES, Consul, etcd, `.env`, the environment, overrides.
 */
export class ConfigSources {
  /** Stores whose place the snapshot took at the start. */
  readonly standIns: StandIn[] = [];
  /** Keys that had an encrypted value since the start: theirs are never shown. */
  readonly #encrypted = new Set<string>();
  #valid: Gathered = { values: {}, sources: new Map(), stores: {} };
  readonly #files: readonly LocalFollower[];
  readonly #stores: readonly RemoteFollower[];

  private constructor(private readonly parts: Parts) {
    this.#files = chooseFiles(parts.settings);
    this.#stores = chooseStores(parts.settings);
  }

  /**
   * Reads every source once and validates what they say together.
   * @throws {ConfigError} with all faults together
   */
  static async open(options: LoadConfigOptions): Promise<{ config: Config; sources: ConfigSources }> {
    const schema = new ConfigSchema(options.shape);
    const early = new EarlyLayers(options);
    const merged = schema.merge(early.around([]));
    const secrets = openSecretsOf(options, schema, merged);
    // The tokens of stores may be encrypted, too; what else cannot be decrypted is told with all other faults.
    const { values: plain } = await secrets.decryptAll(merged.values);
    const settings = readEarly(sourcesConfigShape, schema, { ...merged, values: plain });
    const snapshot = new SnapshotFile(
      snapshotPath(settings, merged.values['DATA_DIR'] as string | undefined),
    );
    const sources = new ConfigSources({ schema, settings, early, snapshot, secrets });
    try {
      const { values, sources: origins } = await sources.#assembleFirst();
      return { config: new Config(values, origins, sources.#encrypted), sources };
    } catch (error) {
      sources.stop();
      throw error;
    }
  }

  /**
   * What decrypts the values of these sources, for who has to encrypt one before all of them are valid.
   * @throws {ConfigError} when what says so is not valid
   */
  static secretsOf(options: LoadConfigOptions): Secrets {
    const schema = new ConfigSchema(options.shape);
    const merged = schema.merge(new EarlyLayers(options).around([]));
    return openSecretsOf(options, schema, merged);
  }

  /** What each source says, as it says it, in the order in which they win. */
  get layers(): readonly Layer[] {
    return this.parts.early.around([...this.#files, ...this.#stores]);
  }

  /** Warnings of what is set in the environment or `.env`, is no key, and was most likely meant to be one. */
  get misspelt(): readonly string[] {
    return this.schema.misspelt(this.layers);
  }

  get schema(): ConfigSchema {
    return this.parts.schema;
  }

  get settings(): SourceSettings {
    return this.parts.settings;
  }

  /** Those that can change, in the order in which they win. */
  get followed(): readonly FollowedSource[] {
    const { profile, dotEnv } = this.parts.early;
    return [profile, ...this.#files, ...this.#stores, dotEnv];
  }

  /** What all of them said last, as one. @throws {ConfigError} when one sets what it may not */
  gather(): Gathered {
    const stores = Object.fromEntries(this.#stores.map(({ name, values }) => [name, values]));
    return { ...this.schema.merge(this.layers), stores };
  }

  /** @throws {ConfigError} with all faults together */
  async validate(gathered: Gathered): Promise<Assembled> {
    const { values, encrypted, faults } = await this.parts.secrets.decryptAll(gathered.values);
    for (const key of encrypted) this.#encrypted.add(key);
    const assembled = this.schema.validate({ ...gathered, values }, faults);
    this.#valid = gathered;
    return assembled;
  }

  /** What was validated last, and nothing was wrong with it; what they say now may be something else. */
  get valid(): Gathered {
    return this.#valid;
  }

  /** Reads all of them again. */
  async look(): Promise<void> {
    await Promise.all(this.followed.map((source) => source.look()));
  }

  /** From now on `onTurn` is called when one of them says something else, or can no longer be read. */
  follow(onTurn: (source: FollowedSource) => void): void {
    for (const source of this.followed) source.follow(onTurn);
    // Stores are followed from the first look on, and nobody has heard so far.
    for (const store of this.#stores)
      if (!isDeepStrictEqual(store.values, this.valid.stores[store.name])) onTurn(store);
  }

  /** Keeps what the stores said when all was valid last, for a start without them. @throws when the file cannot be written */
  keepSnapshot(): void {
    if (this.#stores.length > 0) this.parts.snapshot.write(this.valid.stores);
  }

  stop(): void {
    for (const source of this.followed) source.stop();
  }

  async #assembleFirst(): Promise<Assembled> {
    for (const file of this.#files) {
      file.read();
      if (file.fault !== undefined) throw new ConfigError(file.fault);
    }
    await Promise.all(this.#stores.map((store) => store.look()));
    for (const store of this.#stores) if (store.fault !== undefined) this.#standIn(store, store.fault);
    try {
      return await this.validate(this.gather());
    } catch (error) {
      // What a store says may be wrong: services that run go on without it, so one that starts does, too.
      if (!(error instanceof ConfigError) || !this.#standInForAll(error)) throw error;
      return this.validate(this.gather());
    }
  }

  /** @throws {ConfigError} when nothing can stand in */
  #standIn(store: RemoteFollower, reason: string): void {
    const { settings, snapshot: file } = this.parts;
    const snapshot = settings.CONFIG_REMOTE_REQUIRED === 'true' ? undefined : file.read();
    const values = snapshot?.sources[store.name];
    if (!snapshot || !values)
      throw new ConfigError(
        `${reason.replace(/\.$/, '')}. A start without it needs CONFIG_REMOTE_REQUIRED=false and a snapshot of an earlier one (CONFIG_SNAPSHOT_FILE).`,
      );
    store.assume(values);
    this.standIns.push({ source: store.name, reason, snapshotOf: snapshot.writtenAt });
  }

  /** Returns whether it could. */
  #standInForAll(fault: ConfigError): boolean {
    const fresh = this.#stores.filter((store) => store.fault === undefined);
    try {
      for (const store of fresh) this.#standIn(store, fault.message);
      return fresh.length > 0;
    } catch {
      // There is no snapshot: the fault itself says more than that.
      return false;
    }
  }
}

function openSecretsOf(
  { env, secretProviders }: LoadConfigOptions,
  schema: ConfigSchema,
  merged: Merged,
): Secrets {
  return openSecrets(readEarly(secretsConfigShape, schema, merged), env, secretProviders);
}

/** Keys that say how all others are found. @throws {ConfigError} with the faults of all keys that are there so far */
function readEarly<Shape extends z.ZodRawShape>(
  shape: Shape,
  schema: ConfigSchema,
  merged: Merged,
): z.output<z.ZodObject<Shape>> {
  const result = z.object(shape).safeParse(merged.values, { jitless: true });
  if (result.success) return result.data;
  schema.validate(merged);
  throw result.error;
}
