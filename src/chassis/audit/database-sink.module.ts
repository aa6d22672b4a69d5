import { Module, type DynamicModule } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database, DatabaseModule } from '../database/index.js';
import { auditMigrations } from './audit.migrations.js';
import type { AuditTrail } from './audit-trail.js';
import { DatabaseSink, type AuditTables } from './database-sink.js';

/** Opens the database for the audit trail and makes its table. */
@Module({})
export class DatabaseSinkModule {
  static of(trail: AuditTrail): DynamicModule {
    const sink = {
      provide: DatabaseSink,
      inject: [Database, Config],
      useFactory: (database: Database<AuditTables>, config: Config): DatabaseSink => {
        const made = new DatabaseSink(database, trail.createSeal(), config.get('AUDIT_TIMEOUT_MS'));
        trail.useSink(made);
        // The trail's own module may stop after the database's: both are global, and it imports that one.
        database.beforeClose(() => trail.close());
        return made;
      },
    };
    return {
      module: DatabaseSinkModule,
      imports: [DatabaseModule.forFeature({ name: 'audit', migrations: auditMigrations })],
      providers: [sink],
    };
  }
}
