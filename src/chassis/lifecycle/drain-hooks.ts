import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { StartError } from '../errors/index.js';
import { markedMethods, NOT_LASTING } from './marked-methods.js';
import { drainMomentOf, type DrainMoment } from './on-drain.decorator.js';

type Hook = () => unknown;

/** Runs the methods that are marked with `@OnDrain`, all of one moment at once. */
@Injectable()
export class DrainHooks implements OnModuleInit {
  readonly #running: Readonly<Record<DrainMoment, Set<string>>> = { withdraw: new Set(), calls: new Set() };

  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws {StartError} naming those of which there would be no instance in a drain */
  onModuleInit(): void {
    const passing = markedMethods(this.discovery, drainMomentOf).filter(({ isLasting }) => !isLasting);
    if (passing.length === 0) return;
    const faults = passing.map(({ name }) => `${name} ${NOT_LASTING}`);
    throw new StartError(`Methods with @OnDrain would not be called: ${faults.join('; ')}`);
  }

  /** What has not ended, such as `JobRunner.stopFetching`. */
  running(moment: DrainMoment): readonly string[] {
    return [...this.#running[moment]];
  }

  /** Resolves when every one has ended. @throws what the first of them threw, once all have ended */
  async run(moment: DrainMoment): Promise<void> {
    const results = await Promise.allSettled(
      this.#find(moment).map(([name, hook]) => runNamed(name, hook, this.#running[moment])),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #find(moment: DrainMoment): [string, Hook][] {
    return markedMethods(this.discovery, drainMomentOf)
      .filter(({ mark }) => mark === moment)
      .map(({ name, call }) => [name, () => call()]);
  }
}

async function runNamed(name: string, hook: Hook, running: Set<string>): Promise<void> {
  running.add(name);
  try {
    await hook();
  } finally {
    running.delete(name);
  }
}
