import { Injectable, Logger } from '@nestjs/common';
import type { LoggerService } from '@nestjs/common';
import { listOf, Config } from '../config/index.js';
import { callState, matcherOfText } from '../context/index.js';
import { ServiceError, whyOf } from '../errors/index.js';
import { answer } from './answer.js';
import type { CallMiddleware } from './call-middleware.js';
import type { MiddlewareOptions } from './middleware.decorator.js';
import { faultsOf } from './middleware-finder.js';
import type { Registration } from './middlewares.js';
import { PluginFault } from './plugin-fault.js';
import type { PluginEntry, PluginManifest } from './plugin-manifest.js';
import { readPluginFile, readPluginPackage, type PluginSource } from './plugin-source.js';
import { Usage } from './usage.js';
import { within } from './within.js';

/** What a plugin is given, since it imports nothing of the service. */
export interface PluginTools {
  readonly answer: typeof answer;
  readonly callState: typeof callState;
  readonly ServiceError: typeof ServiceError;
  readonly logger: Pick<LoggerService, 'log' | 'warn' | 'error'>;
}

/** A middleware of a plugin: the same phases, and the options of `@Middleware` but its name, which the manifest gives. */
export type PluginMiddleware<Settings = never> = CallMiddleware<Settings> &
  Omit<MiddlewareOptions<Settings>, 'name'>;

/** What the module of a plugin exports as its default. */
export type Plugin<Settings = never> = (
  tools: PluginTools,
) => PluginMiddleware<Settings> | Promise<PluginMiddleware<Settings>>;

const OPTIONS = [
  'priority',
  'enabled',
  'routes',
  'methods',
  'rpcs',
  'transports',
  'tags',
  'settings',
] as const;

/** Makes middlewares of plugins that are allowed and are what the manifest says. */
@Injectable()
export class PluginLoader {
  readonly #isAllowed: (plugin: string) => boolean;
  readonly #limitMs: number;
  readonly #maxBytes: number;

  constructor(config: Config) {
    this.#isAllowed = matcherOfText(listOf(config.get('PLUGINS_ALLOWED')));
    this.#limitMs = config.get('MIDDLEWARE_INIT_TIMEOUT_MS');
    this.#maxBytes = config.get('PLUGINS_MAX_BYTES');
  }

  /** The plugin's middleware, not initialised. @throws {PluginFault} */
  async load({ folder }: PluginManifest, entry: PluginEntry): Promise<Registration> {
    const source = entry.file ?? entry.package ?? '';
    if (!this.#isAllowed(source))
      throw new PluginFault('NOT_ALLOWED', `${source} is not allowed; PLUGINS_ALLOWED names those that are`);
    const { sha256, url } = await this.#read(folder, entry);
    if (sha256 !== entry.sha256)
      throw new PluginFault('WRONG_HASH', `has the SHA-256 ${sha256}, not the one of the manifest`);
    const middleware = await this.#make(entry, url);
    const said = middleware as unknown as Record<string, unknown>;
    const options = Object.fromEntries(
      OPTIONS.filter((key) => said[key] !== undefined).map((key) => [key, said[key]]),
    ) as Registration['options'];
    const faults = faultsOf(entry.name, options, middleware);
    if (faults.length > 0) throw new PluginFault('NO_MIDDLEWARE', faults.join('; '));
    const { file: _file, package: _package, sha256: _hash, name, ...change } = entry;
    return { name, middleware, options, change, source, usage: new Usage() };
  }

  #read(folder: string, entry: PluginEntry): Promise<PluginSource> {
    return entry.file === undefined
      ? readPluginPackage(folder, entry.package ?? '', this.#maxBytes)
      : readPluginFile(folder, entry.file, this.#maxBytes);
  }

  async #make({ name }: PluginEntry, url: string): Promise<CallMiddleware<never>> {
    const logger = new Logger(`Plugin ${name}`);
    const work = async (): Promise<unknown> => {
      const module = (await import(url)) as { readonly default?: unknown };
      if (typeof module.default !== 'function') return undefined;
      return (module.default as Plugin)({ answer, callState, ServiceError, logger });
    };
    const made = await within(this.#limitMs, work, `was not loaded within ${this.#limitMs} ms`).catch(
      (error: unknown) => {
        throw new PluginFault('IMPORT_FAILED', `failed when it was loaded: ${messageOf(error)}`, {
          cause: error,
        });
      },
    );
    if (typeof made === 'object' && made !== null) return made;
    throw new PluginFault('NO_MIDDLEWARE', 'exports no function as its default that returns a middleware');
  }
}

/** What was thrown, in words, on one line. */
export function messageOf(error: unknown): string {
  return whyOf(error).split('\n', 1)[0] ?? '';
}
