import type { z } from 'zod';
import type { Config } from './config.js';
import type { SecretProvider } from '../secrets/index.js';
import { ConfigSources } from './config-sources.js';

export interface LoadConfigOptions {
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that holds `config/` and `.env`. */
  readonly directory: string;
  /** Keys of the features, beside the chassis' own. */
  readonly shape?: z.ZodRawShape;
  /** Values that win over everything, for tests and embedding. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** For encrypted values of schemes that the chassis does not know. */
  readonly secretProviders?: readonly SecretProvider[];
  /**
   * Leaves keys that no schema knows to those who know them.
   * @default false: they are faults
   */
  readonly ignoresUnknown?: boolean;
}

/**
 * The configuration as all its sources have it now, validated as one. It does not follow them.
 * @throws {ConfigError} with all faults together
 */
export async function loadConfig(options: LoadConfigOptions): Promise<Config> {
  const { config, sources } = await ConfigSources.open(options);
  sources.stop();
  return config;
}

/**
 * The chassis' own keys alone, for a process that knows no feature.
 * @throws {ConfigError} with all faults together
 */
export function loadChassisConfig(options: Pick<LoadConfigOptions, 'env' | 'directory'>): Promise<Config> {
  return loadConfig({ ...options, ignoresUnknown: true });
}
