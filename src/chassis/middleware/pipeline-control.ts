import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Config, type MiddlewareChange, type PreparedChange } from '../config/index.js';
import { runInScope, Scope } from '../context/index.js';
import { StartError } from '../errors/index.js';
import { describePipeline, type PipelineDescription } from './describe-pipeline.js';
import { ManifestFile } from './manifest-file.js';
import { MiddlewareFinder } from './middleware-finder.js';
import { MiddlewareLife } from './middleware-life.js';
import { MiddlewareMetrics } from './middleware.metrics.js';
import { Middlewares, type Registration } from './middlewares.js';
import { messageOf } from './plugin-loader.js';
import type { PluginManifest } from './plugin-manifest.js';
import { Plugins } from './plugins.js';

type Configured = readonly (MiddlewareChange & { readonly name: string })[];

/** What the configuration says of the pipeline. */
interface Wanted {
  readonly MIDDLEWARES: Configured;
  readonly PLUGINS_MANIFEST: string;
}

/** Puts the pipeline together at the start and changes it at run time, one change after the other. */
@Injectable()
export class PipelineControl implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('Middlewares');
  #application: ReadonlyMap<string, Registration> = new Map();
  /** Ends when the change that goes on has been made or dropped. */
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly config: Config,
    private readonly finder: MiddlewareFinder,
    private readonly life: MiddlewareLife,
    private readonly middlewares: Middlewares,
    private readonly plugins: Plugins,
    private readonly manifest: ManifestFile,
    metrics: MiddlewareMetrics,
  ) {
    middlewares.measureWith(metrics.seriesOf);
    metrics.watch(
      () => middlewares.all.map(({ registration, options }) => [registration.name, options.enabled] as const),
      () => plugins.refused.length,
    );
  }

  /** @throws {StartError} when a middleware of the application, MIDDLEWARES or the manifest cannot be used */
  async onApplicationBootstrap(): Promise<void> {
    this.#application = new Map(this.finder.find().map((found) => [found.name, found]));
    await this.#start().catch((error: unknown) => {
      throw new StartError(`The middlewares cannot start: ${messageOf(error)}`, { cause: error });
    });
    this.config.prepareChange(['MIDDLEWARES', 'PLUGINS_MANIFEST'], ({ next }) => this.#prepare(() => next));
    const names = this.middlewares.links.map(({ name }) => name);
    if (names.length > 0) this.#logger.log({ middlewares: names }, 'middlewares ready, the outermost first');
  }

  async onApplicationShutdown(): Promise<void> {
    this.manifest.stop();
    await Promise.all([...this.middlewares.state.registrations.values()].map((each) => this.life.end(each)));
  }

  /** What acts, in which order, and what was refused, for `GET /middlewares`. */
  describe(): PipelineDescription {
    return describePipeline(this.middlewares, this.config.get('PLUGINS_MANIFEST'), this.plugins.refused);
  }

  /** Reads the manifest again. @throws {Error} when it cannot be used; then everything is as before */
  async reload(): Promise<void> {
    // A call would see the settings that it began with, and what plugins start would be the call's.
    const { commit } = await runInScope(Scope.NONE, () => this.#prepare(this.#configured));
    commit();
  }

  /** An operator's word on one middleware. @throws {ServiceError} MIDDLEWARE_NOT_FOUND, VALIDATION_FAILED */
  override(name: string, change: MiddlewareChange): void {
    this.middlewares.override(name, change);
  }

  /** Takes it back. @throws {ServiceError} MIDDLEWARE_NOT_FOUND */
  clearOverride(name: string): void {
    this.middlewares.clearOverride(name);
  }

  async #start(): Promise<void> {
    const manifest = this.manifest.read(this.config.get('PLUGINS_MANIFEST'));
    const expected = namesOf(manifest);
    const configured = byName(this.config.get('MIDDLEWARES'));
    this.middlewares.prepare({ registrations: this.#application, expected, configured })();
    for (const { registration, settings } of this.middlewares.all) {
      await this.life.begin(registration, settings).catch((error: unknown) => {
        throw new Error(`${registration.name} failed in init: ${messageOf(error)}`, { cause: error });
      });
    }
    await this.reload();
  }

  readonly #configured = (): Wanted => ({
    MIDDLEWARES: this.config.get('MIDDLEWARES'),
    PLUGINS_MANIFEST: this.config.get('PLUGINS_MANIFEST'),
  });

  /** @param wanted asked when the turn has come: the change before may have been one of the configuration */
  async #prepare(wanted: () => Wanted): Promise<PreparedChange> {
    const done = await this.#takeTurn();
    let plugins: Awaited<ReturnType<Plugins['prepare']>> | undefined;
    try {
      const { MIDDLEWARES: entries, PLUGINS_MANIFEST: path } = wanted();
      const manifest = this.manifest.read(path);
      const patch = { expected: namesOf(manifest), configured: byName(entries) };
      plugins = await this.plugins.prepare(manifest, this.#application, patch);
      const { registrations: loaded, commit: commitPlugins } = plugins;
      const registrations = new Map([
        ...this.#application,
        ...loaded.map((each) => [each.name, each] as const),
      ]);
      const commit = this.middlewares.prepare({ ...patch, registrations });
      const { discard } = plugins;
      return {
        commit: () => {
          commit();
          commitPlugins();
          this.manifest.follow(path, () => this.#readAgain());
          done();
        },
        discard: () => {
          discard();
          done();
        },
      };
    } catch (error) {
      plugins?.discard();
      done();
      throw error;
    }
  }

  #readAgain(): void {
    this.reload().then(
      () => this.#logger.log('manifest of plugins was read again'),
      (error: unknown) => {
        const reason = messageOf(error);
        this.#logger.error({ reason }, 'changed manifest of plugins cannot be used; everything is as before');
      },
    );
  }

  async #takeTurn(): Promise<() => void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    return resolve;
  }
}

function namesOf({ plugins }: PluginManifest): ReadonlySet<string> {
  return new Set(plugins.map(({ name }) => name));
}

function byName(entries: Configured): ReadonlyMap<string, MiddlewareChange> {
  return new Map(entries.map(({ name, ...change }) => [name, change]));
}
