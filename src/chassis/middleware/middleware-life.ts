import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/index.js';
import type { Registration } from './middlewares.js';
import { MiddlewareMetrics } from './middleware.metrics.js';
import { within } from './within.js';

/** Begins and ends middlewares: neither may take for ever. */
@Injectable()
export class MiddlewareLife {
  readonly #logger = new Logger('Middlewares');
  readonly #limitMs: number;

  constructor(
    config: Config,
    private readonly metrics: MiddlewareMetrics,
  ) {
    this.#limitMs = config.get('MIDDLEWARE_INIT_TIMEOUT_MS');
  }

  /** @throws what `init` throws, or {Error} when it takes longer than MIDDLEWARE_INIT_TIMEOUT_MS */
  async begin({ middleware }: Registration, settings: unknown): Promise<void> {
    const late = `it took longer than MIDDLEWARE_INIT_TIMEOUT_MS, ${this.#limitMs} ms`;
    await within(this.#limitMs, () => middleware.init?.(settings as never), late);
  }

  /** Never throws. */
  async end({ name, middleware }: Registration): Promise<void> {
    try {
      await within(this.#limitMs, () => middleware.destroy?.(), `it took longer than ${this.#limitMs} ms`);
    } catch (error) {
      this.metrics.failed(name, 'destroy');
      this.#logger.error({ err: error, middleware: name }, 'destroy of a middleware failed');
    }
  }
}
