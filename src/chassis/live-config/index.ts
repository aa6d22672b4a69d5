export { LiveConfig } from './live-config.js';
export { LiveConfigModule } from './live-config.module.js';
export type { ReloadOutcome } from './reload-outcome.js';
