export { listOf } from './baseline.schema.js';
export { ConfigKeys, configKeysOf, type ConfigOf } from './config-keys.decorator.js';
export { Config, type ConfigEntry, type ConfigSource } from './config.js';
export { chassisConfigSchema, type ChassisConfig } from './config.schema.js';
export { renderEnvExample } from './env-example.js';
export { ConfigError, loadChassisConfig, loadConfig, type LoadConfigOptions } from './load-config.js';
export { parseProxyList, type Subnet } from './proxy-list.js';
export type { ConfiguredRateLimit } from './rate-limit.schema.js';
export { serviceNameOf } from './service-name.js';
