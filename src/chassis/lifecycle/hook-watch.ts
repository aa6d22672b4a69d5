import type { Method } from './methods-of.js';
import { overlay } from './overlay.js';

const HOOKS = ['onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'] as const;

/**
 * Knows which of Nest's shutdown hooks are at work, so that one that hangs can be named. Every instance
 * passes by as Nest makes it.
 */
export class HookWatch {
  readonly #running = new Set<string>();

  /** Such as `Database.onApplicationShutdown`, in the order in which they began. */
  get running(): readonly string[] {
    return [...this.#running];
  }

  /** Hands `instance` on, its hooks watched. */
  watch(instance: unknown): unknown {
    if (typeof instance !== 'object' || instance === null || !Object.isExtensible(instance)) return instance;
    for (const name of HOOKS) {
      const hook = (instance as Record<string, unknown>)[name];
      if (typeof hook === 'function') overlay(instance, name, this.#watched(instance, name, hook as Method));
    }
    return instance;
  }

  #watched(instance: object, name: string, hook: Method): Method {
    const label = `${instance.constructor.name}.${name}`;
    return async (...args: unknown[]): Promise<unknown> => {
      this.#running.add(label);
      try {
        return await hook.apply(instance, args);
      } finally {
        this.#running.delete(label);
      }
    };
  }
}
