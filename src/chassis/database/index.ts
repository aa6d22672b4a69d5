export { Database, type Unlisten } from './database.js';
export { DatabaseModule } from './database.module.js';
export type { DatabaseKind } from './engine.js';
export { migrate } from './migrate.js';
export { MigrationRegistry, type FeatureMigrations } from './migration-registry.js';
export { openDatabase } from './open-database.js';
