import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  chaosFaults,
  Config,
  ConfigError,
  isChaosAllowed,
  type ChassisConfig,
  type Fault,
} from '../config/index.js';
import { CallObservers } from '../context/index.js';
import type { ActiveFault, NamedFault } from './active-fault.js';
import { ActiveFaults } from './active-faults.js';
import { chaosNotAllowed, faultExists, faultNotFound } from './chaos-errors.js';
import { ChaosMetrics } from './chaos.metrics.js';
import { Injector } from './injector.js';

type ChaosKeys = Pick<ChassisConfig, 'APP_ENV' | 'CHAOS_ALLOWED' | 'CHAOS_FAULTS'>;

/**
 * The faults that are injected on purpose: those of CHAOS_FAULTS and those of operators. While there is none,
 * no call and no dependency notices that there could be.
 */
@Injectable()
export class Chaos implements OnModuleInit, OnApplicationShutdown {
  readonly #faults: ActiveFaults;

  /** @throws {ConfigError} when CHAOS_FAULTS are set in production and not allowed */
  constructor(
    private readonly config: Config,
    { interference }: CallObservers,
    metrics: ChaosMetrics,
  ) {
    this.#faults = new ActiveFaults(new Injector(interference, metrics));
    refuseUnallowed(config.values);
    config.prepareChange(['CHAOS_ALLOWED', 'CHAOS_FAULTS'], ({ previous, next }) => {
      refuseUnallowed(next);
      return { commit: () => this.#follow(previous, next) };
    });
    metrics.watch(() => this.#faults.size);
  }

  onModuleInit(): void {
    for (const fault of this.config.get('CHAOS_FAULTS'))
      this.#faults.begin(fault as NamedFault, 'configuration');
  }

  onApplicationShutdown(): void {
    this.#faults.close();
  }

  /** Whether faults may be injected here at all. */
  get isAllowed(): boolean {
    return isChaosAllowed(this.config.values);
  }

  /** Longest time of a fault of an operator, in milliseconds. */
  get maxDurationMs(): number {
    return this.config.get('CHAOS_MAX_DURATION_MS');
  }

  /** Those that are active, in the order in which they began. */
  get faults(): readonly ActiveFault[] {
    return [...this.#faults];
  }

  /** @throws {ServiceError} CHAOS_NOT_ALLOWED */
  assertAllowed(): void {
    if (!this.isAllowed) throw chaosNotAllowed();
  }

  /**
   * Begins a fault; one without an id gets one.
   * @throws {ServiceError} CHAOS_NOT_ALLOWED, CHAOS_FAULT_EXISTS
   */
  start(fault: Fault): ActiveFault {
    this.assertAllowed();
    const { id = `${fault.kind}-${randomUUID().slice(0, 8)}` } = fault;
    if (this.#faults.find(id)) throw faultExists(id);
    return this.#faults.begin({ ...fault, id }, 'management');
  }

  /** Ends one, also one of CHAOS_FAULTS. @throws {ServiceError} CHAOS_FAULT_NOT_FOUND */
  stop(id: string): void {
    const active = this.#faults.find(id);
    if (!active) throw faultNotFound();
    this.#faults.end(active, 'ended by the operator');
  }

  stopAll(): void {
    for (const active of this.#faults) this.#faults.end(active, 'ended by the operator');
  }

  /** What has not changed goes on, or stays ended where an operator ended it. */
  #follow(previous: ChaosKeys, next: ChaosKeys): void {
    for (const active of this.#faults) {
      if (!isChaosAllowed(next)) this.#faults.end(active, 'not allowed any more');
      else if (active.source === 'configuration' && !includes(next.CHAOS_FAULTS, active.fault))
        this.#faults.end(active, 'configuration changed');
    }
    for (const fault of next.CHAOS_FAULTS)
      if (!includes(previous.CHAOS_FAULTS, fault)) this.#faults.begin(fault as NamedFault, 'configuration');
  }
}

function refuseUnallowed(keys: ChaosKeys): void {
  const [fault] = chaosFaults(keys);
  if (fault) throw new ConfigError(`CHAOS_FAULTS: ${fault.message}.`);
}

function includes(faults: readonly Fault[], fault: Fault): boolean {
  return faults.some((other) => isDeepStrictEqual(other, fault));
}
