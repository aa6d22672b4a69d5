import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './config-error.js';
import type { LoadConfigOptions } from './load-config.js';
import type { Layer } from './merge-layers.js';
import { serviceNameOf } from './service-name.js';
import type { FollowedSource } from './sources/followed-source.js';
import { LocalFollower } from './sources/local-follower.js';
import { dotEnvSource, dropEmpty, profileSource } from './sources/local-source.js';
import type { Values } from './sources/values.js';

/** These two files are read before their own limits are known. */
const MAX_BYTES = 1024 * 1024;
const INTERVAL_MS = 30_000;

/** What is read before it is known where all else comes from. They lie around it: some win over it, some do not. */
export class EarlyLayers {
  readonly profile: LocalFollower;
  readonly dotEnv: LocalFollower;
  readonly #package: Values;
  readonly #environment: Values;

  /** @throws {ConfigError} when one of the files cannot be used */
  constructor(private readonly options: LoadConfigOptions) {
    const { directory, env, overrides = {} } = options;
    this.#package = readPackage(directory);
    this.#environment = dropEmpty(env);
    this.dotEnv = read(new LocalFollower(dotEnvSource(directory, MAX_BYTES), INTERVAL_MS));
    const found = [overrides, this.#environment, this.dotEnv.values].find((values) => values['APP_ENV']);
    const profile = found?.['APP_ENV'] ?? 'development';
    // What is no name at all is a fault of APP_ENV, which the schema tells.
    const name = typeof profile === 'string' ? profile : '';
    this.profile = read(new LocalFollower(profileSource(directory, name, MAX_BYTES), INTERVAL_MS));
  }

  /** All layers in their order, with those in between. */
  around(middle: readonly FollowedSource[]): Layer[] {
    const isStrict = this.options.ignoresUnknown !== true;
    const own = { isStrict: false, maySetSources: true };
    return [
      { source: 'package.json', values: this.#package, ...own },
      { source: this.profile.name, values: this.profile.values, isStrict, maySetSources: true },
      ...middle.map(({ name, values }) => ({ source: name, values, isStrict, maySetSources: false })),
      { source: '.env', values: this.dotEnv.values, ...own },
      { source: 'environment', values: this.#environment, ...own },
      { source: 'override', values: this.options.overrides ?? {}, ...own },
    ];
  }
}

function read(source: LocalFollower): LocalFollower {
  source.read();
  if (source.fault !== undefined) throw new ConfigError(source.fault);
  return source;
}

function readPackage(directory: string): Values {
  const file = join(directory, 'package.json');
  if (!existsSync(file)) return {};
  const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
  return {
    ...(name && { SERVICE_NAME: serviceNameOf(name) }),
    ...(version && { SERVICE_VERSION: version }),
  };
}
