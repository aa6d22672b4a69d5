import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Database } from '#chassis/database';
import { Broadcast } from '#chassis/streams';
import { changesLost } from './orders.errors.js';
import { OrdersRepository } from './orders.repository.js';
import type { Order } from './orders.schema.js';

const CHANNEL = 'order_changes';

/**
 * Every change of an order, whichever instance made it: the database tells, each instance reads the
 * order once for all its watchers. Changes close together may arrive as one, with the latest state.
 */
@Injectable()
export class OrdersChanges implements OnModuleInit {
  readonly #broadcast = new Broadcast<Order>();
  readonly #logger = new Logger(OrdersChanges.name);
  #reading: Promise<void> = Promise.resolve();

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
    // One after the other: watchers see changes in the order in which they were committed.
    this.#reading = this.#reading.then(() => this.#read(id));
  }

  async #read(id: string): Promise<void> {
    try {
      const order = await this.repository.find(id);
      if (order) this.#broadcast.publish(order);
    } catch (error) {
      this.#logger.warn({ err: error, order: id }, 'changed order could not be read');
      this.#broadcast.fail(changesLost());
    }
  }
}
