import { Injectable, Logger } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import { Config } from '../config/index.js';
import { MiddlewareLife } from './middleware-life.js';
import { Middlewares, type PipelineState, type Registration } from './middlewares.js';
import { MiddlewareMetrics } from './middleware.metrics.js';
import { PluginFault, type PluginReason } from './plugin-fault.js';
import { messageOf, PluginLoader } from './plugin-loader.js';
import type { PluginEntry, PluginManifest } from './plugin-manifest.js';

/** A plugin that the manifest lists and that does not act, or acts in an older form. */
export interface RefusedPlugin {
  readonly name: string;
  readonly source: string;
  readonly reason: PluginReason;
  readonly message: string;
  /** ISO 8601. */
  readonly at: string;
  /** What was there before goes on. */
  readonly keepsFormer: boolean;
}

/** What a manifest comes to, not in effect yet: exactly one of `commit` and `discard` is to be called. */
export interface PreparedPlugins {
  readonly registrations: readonly Registration[];
  /** Once the pipeline has the registrations. */
  readonly commit: () => void;
  readonly discard: () => void;
}

interface Loaded {
  readonly entry: PluginEntry;
  readonly registration: Registration;
}

/** Middlewares from outside, as the manifest lists them. One that fails is refused, and the rest goes on. */
@Injectable()
export class Plugins {
  readonly #logger = new Logger(Plugins.name);
  readonly #graceMs: number;
  #loaded: ReadonlyMap<string, Loaded> = new Map();
  #refused: readonly RefusedPlugin[] = [];

  constructor(
    config: Config,
    private readonly loader: PluginLoader,
    private readonly life: MiddlewareLife,
    private readonly middlewares: Middlewares,
    private readonly metrics: MiddlewareMetrics,
  ) {
    this.#graceMs = config.get('PLUGINS_UNLOAD_GRACE_MS');
  }

  get refused(): readonly RefusedPlugin[] {
    return this.#refused;
  }

  /** Loads and initialises what is new or another than before; what is as it was stays as it is. */
  async prepare(
    manifest: PluginManifest,
    application: ReadonlyMap<string, Registration>,
    patch: Partial<PipelineState>,
  ): Promise<PreparedPlugins> {
    const refused: RefusedPlugin[] = [];
    const loaded = new Map<string, Loaded>();
    await Promise.all(
      manifest.plugins.map(async (entry) => {
        const former = this.#loaded.get(entry.name);
        try {
          const isSame = former && isDeepStrictEqual(former.entry, entry);
          loaded.set(entry.name, isSame ? former : await this.#load(manifest, entry, application, patch));
        } catch (error) {
          if (former) loaded.set(entry.name, former);
          refused.push(this.#refuse(entry, error, former !== undefined));
        }
      }),
    );
    const before = [...this.#loaded.values()];
    const now = new Set(loaded.values());
    const gone = before.filter((plugin) => !now.has(plugin));
    const fresh = [...now].filter((plugin) => !before.includes(plugin));
    return {
      registrations: [...now].map(({ registration }) => registration),
      commit: () => {
        this.#loaded = loaded;
        this.#refused = refused;
        for (const { entry, registration } of fresh)
          this.#logger.log(
            { plugin: entry.name, source: registration.source, sha256: entry.sha256 },
            'plugin loaded',
          );
        for (const { registration } of gone) void this.#unload(registration);
      },
      discard: () => {
        for (const { registration } of fresh) void this.life.end(registration);
      },
    };
  }

  async #load(
    manifest: PluginManifest,
    entry: PluginEntry,
    application: ReadonlyMap<string, Registration>,
    patch: Partial<PipelineState>,
  ): Promise<Loaded> {
    if (application.has(entry.name))
      throw new PluginFault(
        'DUPLICATE_NAME',
        'has the name of a middleware of the application; give it another',
      );
    const registration = await this.loader.load(manifest, entry);
    let settings: unknown;
    try {
      settings = this.middlewares.settingsFor(registration, patch);
    } catch (error) {
      throw new PluginFault('BAD_SETTINGS', messageOf(error), { cause: error });
    }
    await this.life.begin(registration, settings).catch((error: unknown) => {
      throw new PluginFault('INIT_FAILED', `failed in init: ${messageOf(error)}`, { cause: error });
    });
    return { entry, registration };
  }

  #refuse(
    { name, file, package: packageName }: PluginEntry,
    error: unknown,
    keepsFormer: boolean,
  ): RefusedPlugin {
    const fault = error instanceof PluginFault ? error : new PluginFault('IMPORT_FAILED', messageOf(error));
    const source = file ?? packageName ?? '';
    const { reason, message } = fault;
    this.metrics.failed(name, reason === 'INIT_FAILED' ? 'init' : 'load');
    const goesOn = keepsFormer ? 'its former version goes on' : 'the service goes on without it';
    this.#logger.error(
      { plugin: name, source, reason, cause: message, err: fault.cause },
      `plugin refused; ${goesOn}`,
    );
    return { name, source, reason, message, at: new Date().toISOString(), keepsFormer };
  }

  /** Calls that began with it end with it. */
  async #unload(registration: Registration): Promise<void> {
    const { name, usage } = registration;
    const isIdle = await usage.idle(this.#graceMs);
    if (!isIdle)
      this.#logger.warn(
        { plugin: name, calls: usage.calls },
        'plugin ends although calls that began with it go on',
      );
    await this.life.end(registration);
    this.#logger.log({ plugin: name }, 'plugin unloaded');
  }
}
