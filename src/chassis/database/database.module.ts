import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database } from './database.js';
import { migrate } from './migrate.js';
import { MigrationRegistry, type FeatureMigrations } from './migration-registry.js';
import { openDatabase } from './open-database.js';

/** What `forFeature` brings into a feature's module; it has no life of its own. */
@Module({})
class DatabaseFeatureModule {}

/**
 * Provides `Database` everywhere. Being global it starts before the features and stops after them:
 * migrations are done before their `onModuleInit`, and connections last until the last call is answered.
 */
@Module({})
export class DatabaseModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MigrationRegistry) private readonly registry: MigrationRegistry,
  ) {}

  /**
   * Once, in the application's root. Needs a global provider of `Config`. `onOpening` hears of the database
   * first: a container that fails while it is made has no shutdown that could close it.
   */
  static forRoot(onOpening?: (database: Promise<Database>) => void): DynamicModule {
    const database = {
      provide: Database,
      inject: [Config],
      useFactory: (config: Config) => {
        const opening = openDatabase(config);
        onOpening?.(opening);
        return opening;
      },
    };
    return {
      module: DatabaseModule,
      global: true,
      providers: [MigrationRegistry, database],
      exports: [MigrationRegistry, Database],
    };
  }

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
    return { module: DatabaseFeatureModule, providers: [contribution] };
  }

  async onModuleInit(): Promise<void> {
    try {
      await migrate(this.database.query, this.registry.features);
    } catch (error) {
      await this.database.close();
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
