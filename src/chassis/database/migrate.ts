import { Logger } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { whyOf } from '../errors/index.js';
import { isOfFailedTransaction } from './database-errors.js';
import type { FeatureMigrations } from './migration-registry.js';

/** Any number will do, as long as every process takes the same. */
const LOCK_ID = 7_203_115_846;
const TELL_AFTER_MS = 1000;

/** A migration did not run; nothing of this start's migrations was kept. */
class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/**
 * Runs what is missing of every feature, in one transaction: all or nothing. The lock makes a second
 * process wait and then find the work done; it ends with the transaction, so none is left behind.
 * @throws {MigrationError} naming feature and migration
 */
export async function migrate<Tables>(
  database: Kysely<Tables>,
  features: readonly FeatureMigrations[],
): Promise<void> {
  if (features.length === 0) return;
  // Whoever waits for the lock has to see what was done meanwhile, whatever the database's default is.
  await database
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (transaction) => {
      // Building an index may take longer than any call does, and so may waiting for who builds it.
      await sql`set local statement_timeout = 0`.execute(transaction);
      await lock(transaction);
      for (const feature of features) await migrateFeature(transaction, feature);
    });
}

/**
 * Whoever has it may build an index for an hour: a start that only seems to hang says what it waits for. Those of
 * several workers, which come at once, wait for each other for a moment.
 */
async function lock<Tables>(transaction: Kysely<Tables>): Promise<void> {
  const waiting = setTimeout(() => {
    new Logger('Database').log('Another process runs migrations; the start waits for its end');
  }, TELL_AFTER_MS);
  try {
    await sql`select pg_advisory_xact_lock(${sql.lit(LOCK_ID)})`.execute(transaction);
  } finally {
    clearTimeout(waiting);
  }
}

/**
 * Each feature remembers in a table of its own: Kysely compares names and order with what was run,
 * so features that come and go must not meet in one list.
 */
async function migrateFeature<Tables>(db: Kysely<Tables>, feature: FeatureMigrations): Promise<void> {
  const table = `kysely_migration_${feature.name}`;
  let failure: MigrationError | undefined;
  const fail = (cause: unknown, migration: string) => {
    return (failure = new MigrationError(describe(feature.name, migration, cause), { cause }));
  };
  const getMigrations = async () => ({
    ...namingFailures(feature.migrations, fail),
    ...(await ofOtherVersions(db, table, feature)),
  });
  const migrator = new Migrator({ db, provider: { getMigrations }, migrationTableName: table });
  const { error } = await migrator.migrateToLatest();
  // Kysely's own error may be the one that follows: in a failed transaction it cannot unlock either.
  if (error !== undefined) throw failure ?? fail(causeOf(error), '*');
}

/** Kysely asks on in a transaction that has failed, and passes on what it hears then. */
function causeOf(error: unknown): unknown {
  return isOfFailedTransaction(error) && error.cause instanceof Error ? error.cause : error;
}

function namingFailures(
  migrations: Readonly<Record<string, Migration>>,
  fail: (cause: unknown, migration: string) => Error,
): Record<string, Migration> {
  const wrap = ([name, migration]: [string, Migration]): [string, Migration] => [
    name,
    {
      up: async (db) => {
        await migration.up(db).catch((cause: unknown) => {
          throw fail(cause, name);
        });
      },
    },
  ];
  return Object.fromEntries(Object.entries(migrations).map(wrap));
}

/**
 * Stand-ins for migrations that a newer version ran. Without them Kysely refuses the start, and
 * going back one version, or restarting an old process amid a rolling update, would be impossible.
 */
async function ofOtherVersions<Tables>(
  db: Kysely<Tables>,
  table: string,
  feature: FeatureMigrations,
): Promise<Record<string, Migration>> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(table)}`.execute(db);
  const unknown = rows.map((row) => row.name).filter((name) => !Object.hasOwn(feature.migrations, name));
  if (unknown.length > 0) {
    new Logger('Database').warn(
      `Migrations of ${feature.name} that this version does not know were run by another: ${unknown.join(', ')}`,
    );
  }
  return Object.fromEntries(unknown.map((name) => [name, { up: async () => undefined }]));
}

function describe(feature: string, migration: string, cause: unknown): string {
  return `Migration ${feature}/${migration} failed: ${whyOf(cause)}. Nothing was changed; correct it and start again.`;
}
