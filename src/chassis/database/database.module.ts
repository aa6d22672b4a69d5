import {
  Global,
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Config } from '../config/index.js';
import { HealthService } from '../health/index.js';
import { Openings } from '../lifecycle/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import { Database } from './database.js';
import { migrate } from './migrate.js';
import { MigrationRegistry, type FeatureMigrations } from './migration-registry.js';
import { openDatabase } from './open-database.js';
import { PoolSwaps } from './pool-swaps.js';

/** What `forFeature` brings into a feature's module; it has no life of its own. */
@Module({})
class DatabaseFeatureModule {}

/**
 * Provides `Database` to a service that asks for it: a feature imports `DatabaseModule.forFeature`, or
 * this module when it has no tables of its own. A service without either opens no database. Being global
 * it starts before the features and stops after them: migrations are done before their `onModuleInit`,
 * and connections last until the last call is answered.
 */
@Global()
@Module({
  providers: [
    MigrationRegistry,
    {
      provide: Database,
      inject: [Config, Openings],
      useFactory: (config: Config, openings: Openings) => openings.add(openDatabase(config)),
    },
    PoolSwaps,
  ],
  exports: [MigrationRegistry, Database],
})
export class DatabaseModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MigrationRegistry) private readonly registry: MigrationRegistry,
    private readonly health: HealthService,
    private readonly metrics: MetricsRegistry,
    private readonly swaps: PoolSwaps,
  ) {}

  /**
   * In the feature's module: its migrations, run at start before anything serves.
   *
   * @example
   * imports: [DatabaseModule.forFeature({ name: 'orders', migrations: { '0001_create_orders': { up } } })]
   */
  static forFeature(feature: FeatureMigrations): DynamicModule {
    const contribution = {
      provide: Symbol(`migrations of ${feature.name}`),
      inject: [MigrationRegistry],
      useFactory: (registry: MigrationRegistry) => registry.add(feature),
    };
    return { module: DatabaseFeatureModule, imports: [DatabaseModule], providers: [contribution] };
  }

  async onModuleInit(): Promise<void> {
    this.health.addDependency({
      name: 'database',
      kind: this.database.kind,
      check: ({ signal }) => this.database.ping(signal),
    });
    this.#countConnections();
    try {
      await migrate(this.database.query, this.registry.features);
    } catch (error) {
      await this.database.close();
      throw error;
    }
    this.swaps.follow();
  }

  async onApplicationShutdown(): Promise<void> {
    this.swaps.stop();
    await this.database.close();
  }

  #countConnections(): void {
    this.metrics.gauge({
      name: 'db_client_connections',
      help: 'Connections to the database: used ones run a query or a transaction, idle ones wait for one.',
      labels: ['pool', 'state'],
      acrossWorkers: 'sum',
      collect: (gauge) => {
        const { used, idle } = this.database.connections;
        gauge.labels(this.database.kind, 'used').set(used);
        gauge.labels(this.database.kind, 'idle').set(idle);
      },
    });
    this.metrics.gauge({
      name: 'db_client_connections_max',
      help: 'Most connections that there can be to the database.',
      labels: ['pool'],
      acrossWorkers: 'sum',
      collect: (gauge) => gauge.labels(this.database.kind).set(this.database.connections.max),
    });
    this.metrics.gauge({
      name: 'db_client_connections_pending_requests',
      help: 'Queries and transactions that wait for a connection, because all are used.',
      labels: ['pool'],
      acrossWorkers: 'sum',
      collect: (gauge) => gauge.labels(this.database.kind).set(this.database.connections.waiting),
    });
  }
}
