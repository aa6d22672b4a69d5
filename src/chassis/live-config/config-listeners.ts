import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import {
  changeKeysOf,
  Config,
  ConfigSources,
  type ChassisConfig,
  type ConfigChange,
} from '../config/index.js';
import { StartError } from '../errors/index.js';
import { markedMethods, NOT_LASTING, OnDrain, type MarkedMethod } from '../lifecycle/index.js';
import { MetricsRegistry, type Counter } from '../metrics/index.js';

/** A method that bears `@OnConfigChange`, with its keys. */
type Listener = MarkedMethod<readonly string[]>;

/** Calls the methods that are marked with `@OnConfigChange`, each once at a time. */
@Injectable()
export class ConfigListeners implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(ConfigListeners.name);
  readonly #failures: Counter<['listener']>;
  /** What ends the subscriptions. */
  readonly #ends: (() => void)[] = [];
  /** The last call of each. */
  readonly #turns = new Map<Listener, Promise<unknown>>();

  constructor(
    private readonly config: Config,
    private readonly sources: ConfigSources,
    private readonly discovery: DiscoveryService,
    metrics: MetricsRegistry,
  ) {
    this.#failures = metrics.counter({
      name: 'config_listener_failures_total',
      help: 'Changes of the configuration that a method with @OnConfigChange failed to follow; they hold all the same.',
      labels: ['listener'],
    });
  }

  /**
   * Before any source is followed, so that no change is missed.
   * @throws {StartError} with all that is wrong with all of them
   */
  onModuleInit(): void {
    const listeners = markedMethods(this.discovery, changeKeysOf);
    const faults = listeners.flatMap((listener) =>
      this.#faultsOf(listener).map((fault) => `${listener.name} ${fault}`),
    );
    if (faults.length > 0)
      throw new StartError(`Methods with @OnConfigChange would not be called: ${faults.join('; ')}`);
    for (const listener of listeners) this.#follow(listener);
  }

  /** Calls that have begun keep their configuration, and no others come. */
  @OnDrain('calls')
  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    await Promise.all(this.#turns.values());
  }

  /** Without a drain nobody is waited for. */
  onModuleDestroy(): void {
    void this.stop();
  }

  #follow(listener: Listener): void {
    const { name, mark: keys, call } = listener;
    this.#failures.labels(name).inc(0);
    const tell = (change: ConfigChange<ChassisConfig>): void => {
      // Not at once: then every part has taken the change.
      const turn = (this.#turns.get(listener) ?? Promise.resolve()).then(() => call(change));
      this.#turns.set(
        listener,
        turn.catch((error: unknown) => this.#tellFailure(name, change.revision, error)),
      );
    };
    this.#ends.push(this.config.onChange(keys as (keyof ChassisConfig)[], tell));
  }

  #tellFailure(listener: string, revision: number, err: unknown): void {
    this.#failures.labels(listener).inc();
    this.#logger.error({ err, listener, revision }, 'a method did not follow the changed configuration');
  }

  #faultsOf({ mark: keys, isLasting }: Listener): string[] {
    const faults = keys.flatMap((key): string[] => {
      if (!Object.hasOwn(this.config.values, key)) return [`names ${key}, a key that no schema has`];
      if (!this.sources.schema.live.has(key))
        return [`names ${key}, which changes only by a restart; mark it with live(), or leave it out`];
      return [];
    });
    return isLasting ? faults : [...faults, NOT_LASTING];
  }
}
