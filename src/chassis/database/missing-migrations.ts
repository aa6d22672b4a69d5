import pg from 'pg';
import type { FeatureMigrations } from './migration-registry.js';

const UNDEFINED_TABLE = '42P01';

/** Migrations of the features, such as `orders/0001_create_orders`, that were not run in the database of `pool`. */
export async function missingMigrations(
  pool: pg.Pool,
  features: readonly FeatureMigrations[],
): Promise<string[]> {
  const missing: string[] = [];
  for (const { name, migrations } of features) {
    const done = await migrationsOf(pool, name);
    const left = Object.keys(migrations).filter((migration) => !done.has(migration));
    missing.push(...left.map((migration) => `${name}/${migration}`));
  }
  return missing;
}

async function migrationsOf(pool: pg.Pool, feature: string): Promise<ReadonlySet<string>> {
  const table = pg.escapeIdentifier(`kysely_migration_${feature}`);
  try {
    const { rows } = await pool.query<{ name: string }>(`select name from ${table}`);
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE) return new Set();
    throw error;
  }
}
