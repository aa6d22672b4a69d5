import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Database } from '#chassis/database';
import { Broadcast } from '#chassis/streams';
import { changesLost } from './orders.errors.js';
import { OrdersRepository } from './orders.repository.js';
import type { Order } from './orders.schema.js';

const CHANNEL = 'order_changes';
/** Orders that are read together: well below what a watcher may fall behind. */
const BATCH = 100;

/**
 * Every change of an order, whichever instance made it: the database tells, each instance reads the
 * order once for all its watchers, and together what has changed meanwhile. Changes close together may
 * arrive as one, with the latest state.
 */
@Injectable()
export class OrdersChanges implements OnModuleInit {
  readonly #broadcast = new Broadcast<Order>();
  readonly #logger = new Logger(OrdersChanges.name);
  /** Orders that are to be read, in the order in which their changes were committed. */
  readonly #changed = new Set<string>();
  #isReading = false;

  constructor(
    private readonly database: Database,
    private readonly repository: OrdersRepository,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.database.listen(
      CHANNEL,
      (id) => this.#announce(id),
      () => this.#broadcast.fail(changesLost()),
    );
  }

  /** Changes from this moment on; ends with UNAVAILABLE / ORDER_CHANGES_LOST when some may have been missed. */
  watch(signal?: AbortSignal): AsyncIterableIterator<Order> {
    return this.#broadcast.subscribe(signal);
  }

  #announce(id: string): void {
    if (this.#broadcast.isIdle) return;
    this.#changed.add(id);
    if (!this.#isReading) void this.#readChanged();
  }

  /** One batch after the other: watchers see changes in their order. */
  async #readChanged(): Promise<void> {
    this.#isReading = true;
    while (this.#changed.size > 0) {
      const ids = this.#changed.values().take(BATCH).toArray();
      for (const id of ids) this.#changed.delete(id);
      await this.#read(ids);
    }
    this.#isReading = false;
  }

  async #read(ids: readonly string[]): Promise<void> {
    try {
      for (const order of await this.repository.findAll(ids)) this.#broadcast.publish(order);
    } catch (error) {
      this.#logger.warn({ err: error, orders: ids.length }, 'changed orders could not be read');
      this.#changed.clear();
      this.#broadcast.fail(changesLost());
    }
  }
}
