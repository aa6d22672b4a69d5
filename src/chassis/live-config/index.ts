export { LiveConfig, type ReloadOutcome } from './live-config.js';
export { LiveConfigModule } from './live-config.module.js';
