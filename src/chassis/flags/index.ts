export { FeatureFlags } from './feature-flags.js';
export { FlagsModule } from './flags.module.js';
