import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import type { z } from 'zod';
import { Config, type ConfigSource } from './config.js';
import { chassisConfigSchema, type ChassisConfig } from './config.schema.js';
import { serviceNameOf } from './service-name.js';

/** The configuration does not fit its schema; `message` lists every fault by key and shows no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface LoadConfigOptions {
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that holds `config/` and `.env`. */
  readonly directory: string;
  /** Keys of the features, beside the chassis' own. */
  readonly shape?: z.ZodRawShape;
  /** Values that win over everything, for tests and embedding. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/**
 * The chassis' own keys alone, for a process that knows no feature: what `config/<profile>.yaml` holds beside
 * them is left to those who do.
 * @throws {ConfigError} with all faults together
 */
export function loadChassisConfig(options: Pick<LoadConfigOptions, 'env' | 'directory'>): Config {
  return load(options, false);
}

type Layer = readonly [ConfigSource, Readonly<Record<string, unknown>>];

/**
 * Defaults < name and version in `package.json` < `config/<APP_ENV>.yaml` < `.env` < environment < overrides, validated as one.
 * @throws {ConfigError} with all faults together
 */
export function loadConfig(options: LoadConfigOptions): Config {
  return load(options, true);
}

function load(options: LoadConfigOptions, isStrict: boolean): Config {
  const schema = chassisConfigSchema.extend(options.shape ?? {});
  const known = new Set(Object.keys(schema.shape));
  const upper: Layer[] = [
    ['.env', pick(readDotEnv(options.directory), known)],
    ['environment', pick(options.env, known)],
    ['override', options.overrides ?? {}],
  ];
  const profile = upper.reduce<unknown>((found, [, values]) => values['APP_ENV'] ?? found, 'development');
  const layers = [
    readPackage(options.directory),
    readProfile(options.directory, String(profile), known, isStrict),
    ...upper,
  ];

  const sources = new Map<string, ConfigSource>();
  const merged: Record<string, unknown> = {};
  for (const [source, values] of layers) {
    for (const [key, value] of Object.entries(values)) {
      merged[key] = value;
      sources.set(key, source);
    }
  }
  const result = schema.safeParse(merged);
  if (!result.success) throw new ConfigError(explain(result.error.issues, sources));
  // The schema is the chassis' own, extended: its output has every key of ChassisConfig.
  return new Config(result.data as unknown as ChassisConfig, sources);
}

/** Known keys that are set; an empty variable counts as unset. */
function pick(values: Readonly<Record<string, string | undefined>>, known: ReadonlySet<string>) {
  return Object.fromEntries(Object.entries(values).filter(([key, value]) => known.has(key) && value));
}

function readPackage(directory: string): Layer {
  const file = join(directory, 'package.json');
  if (!existsSync(file)) return ['package.json', {}];
  const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
  return [
    'package.json',
    {
      ...(name && { SERVICE_NAME: serviceNameOf(name) }),
      ...(version && { SERVICE_VERSION: version }),
    },
  ];
}

function readDotEnv(directory: string): NodeJS.Dict<string> {
  const file = join(directory, '.env');
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
}

function readProfile(
  directory: string,
  profile: string,
  known: ReadonlySet<string>,
  isStrict: boolean,
): Layer {
  const source = `config/${profile}.yaml` as const;
  const file = join(directory, source);
  // An unknown profile has no file either; the schema reports it as a fault of APP_ENV.
  if (!/^[a-z]+$/.test(profile) || !existsSync(file)) return [source, {}];
  const values = parseProfile(source, readFileSync(file, 'utf8'));
  const unknown = Object.keys(values).filter((key) => !known.has(key) || key === 'APP_ENV');
  if (isStrict && unknown.length > 0) {
    throw new ConfigError(
      `${source} has keys that no schema knows: ${unknown.join(', ')}. Remove or rename them.`,
    );
  }
  return [source, values];
}

function parseProfile(source: string, text: string): Record<string, unknown> {
  let values: unknown;
  try {
    values = parseYaml(text) ?? {};
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const line = error.linePos?.[0].line ?? '?';
    throw new ConfigError(`${source} is not YAML (line ${line}: ${error.code}). Correct that line.`);
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new ConfigError(`${source} must hold "KEY: value" lines, one a key.`);
  }
  return values as Record<string, unknown>;
}

function explain(issues: readonly z.core.$ZodIssue[], sources: ReadonlyMap<string, ConfigSource>): string {
  const faults = issues.map((issue) => {
    const key = issue.path.join('.');
    return `${key} (from ${sources.get(String(issue.path[0])) ?? 'default'}): ${issue.message}`;
  });
  return `Configuration is not valid. ${faults.join('; ')}. See .env.example for every key.`;
}
