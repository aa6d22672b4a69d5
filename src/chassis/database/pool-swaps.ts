import { Inject, Injectable, Logger } from '@nestjs/common';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import pg from 'pg';
import { Config, type PreparedChange } from '../config/index.js';
import { StartError } from '../errors/index.js';
import { MetricsRegistry, type Counter } from '../metrics/index.js';
import { Database } from './database.js';
import type { Engine } from './engine.js';
import { MigrationRegistry } from './migration-registry.js';
import { missingMigrations } from './missing-migrations.js';
import { assertUsable } from './open-database.js';
import { createPostgresEngine, type PostgresSettings } from './postgres-engine.js';

const KEYS = ['DATABASE_URL', 'DATABASE_POOL_MAX', 'DATABASE_CONNECT_TIMEOUT_MS'] as const;
type Result = 'swapped' | 'refused' | 'discarded';
const RESULTS: readonly Result[] = ['swapped', 'refused', 'discarded'];

/**
 * Follows the configuration of the database: a new pool is built and proved while the old one works, then takes its
 * place between two queries; what the old one has begun ends there.
 */
@Injectable()
export class PoolSwaps {
  readonly #logger = new Logger('Database');
  readonly #swaps: Counter<['result']>;
  #stop: (() => void) | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MigrationRegistry) private readonly registry: MigrationRegistry,
    private readonly config: Config,
    metrics: MetricsRegistry,
  ) {
    this.#swaps = metrics.counter({
      name: 'database_pool_swaps_total',
      help: 'Changes of the database settings while the service ran: swapped, refused because the new pool could not be used, or discarded because another part refused the change.',
      labels: ['result'],
    });
    for (const result of RESULTS) this.#swaps.labels(result);
  }

  follow(): void {
    this.#stop = this.config.prepareChange(KEYS, ({ next }) => this.#prepare(next));
  }

  stop(): void {
    this.#stop?.();
  }

  /** @throws {StartError} when the new pool cannot be used */
  async #prepare(next: PostgresSettings): Promise<PreparedChange> {
    try {
      if ((next.DATABASE_URL === '') !== (this.database.kind === 'embedded')) throw otherKind();
      if (this.database.kind === 'embedded') return { commit: () => undefined };
      const engine = await this.#prove(next);
      return {
        commit: () => void this.#swap(engine, next),
        discard: () => {
          this.#swaps.labels('discarded').inc();
          void engine.close();
        },
      };
    } catch (error) {
      this.#swaps.labels('refused').inc();
      throw error;
    }
  }

  async #prove(settings: PostgresSettings): Promise<Engine> {
    const span = trace.getTracer('chassis').startSpan('prove database pool', {
      kind: SpanKind.CLIENT,
      attributes: { 'db.system.name': 'postgresql', ...addressOf(settings) },
    });
    const engine = createPostgresEngine(settings);
    try {
      await assertUsable(engine, settings.DATABASE_URL);
      await assertMigrated(engine, this.registry);
      return engine;
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  }

  async #swap(engine: Engine, settings: PostgresSettings): Promise<void> {
    const begin = performance.now();
    const drained = this.database.replaceEngine(engine);
    this.#swaps.labels('swapped').inc();
    const to = { ...addressOf(settings), max: settings.DATABASE_POOL_MAX };
    this.#logger.log(to, 'database pool swapped; the former one ends when its queries have');
    try {
      await drained;
      this.#logger.log({ drain_ms: Math.round(performance.now() - begin) }, 'former database pool ended');
    } catch (error) {
      this.#logger.warn({ err: error }, 'former database pool did not end well');
    }
  }
}

/** A live change never changes the structure of a database: a wrong address must not be filled with empty tables. */
async function assertMigrated(engine: Engine, { features }: MigrationRegistry): Promise<void> {
  try {
    const missing = await missingMigrations(engine.pool, features);
    if (missing.length === 0) return;
    throw new StartError(
      `The database of the new DATABASE_URL lacks migrations: ${missing.join(', ')}. Correct DATABASE_URL, or start ` +
        'an instance with it, which runs them.',
    );
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function otherKind(): StartError {
  return new StartError(
    'DATABASE_URL cannot change between a server and the embedded database while the service runs: the data ' +
      'would stay behind. Move the data and restart.',
  );
}

function addressOf({ DATABASE_URL }: PostgresSettings) {
  const { host, port, database = '' } = new pg.Client({ connectionString: DATABASE_URL });
  return { 'server.address': host, 'server.port': port, 'db.namespace': database };
}
