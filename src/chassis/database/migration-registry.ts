import type { Migration } from 'kysely/migration';

/** The changes to the database's structure that one feature brings along. */
export interface FeatureMigrations {
  /** Unique: lower-case letters, digits, `-` and `_`, and not `lock`. It names the table that remembers what was run. */
  readonly name: string;
  /** By name, run in the order of the names: `0001_create_orders`, `0002_…`. Never rename one that was released. */
  readonly migrations: Readonly<Record<string, Migration>>;
}

const FEATURE_NAME = /^[a-z][a-z0-9_-]{0,39}$/;
/** Its table would be the one that Kysely keeps its lock in. */
const TAKEN = 'lock';

/** What the features of one application contributed. */
export class MigrationRegistry {
  readonly #features = new Map<string, FeatureMigrations>();

  get features(): readonly FeatureMigrations[] {
    return [...this.#features.values()];
  }

  add(feature: FeatureMigrations): void {
    const { name } = feature;
    if (!FEATURE_NAME.test(name)) {
      throw new Error(
        `DatabaseModule.forFeature: the name "${name}" must be lower-case letters, digits, "-" and "_", at most 40.`,
      );
    }
    if (name === TAKEN)
      throw new Error(`DatabaseModule.forFeature: the name "${name}" is taken by Kysely; choose another.`);
    if (this.#features.has(name)) {
      throw new Error(
        `DatabaseModule.forFeature was called twice with the name "${name}". Join the two calls.`,
      );
    }
    this.#features.set(name, feature);
  }
}
