export { Database, type DatabaseKind, type Unlisten } from './database.js';
export { DatabaseModule } from './database.module.js';
export { migrate } from './migrate.js';
export { MigrationRegistry, type FeatureMigrations } from './migration-registry.js';
export { openDatabase } from './open-database.js';
