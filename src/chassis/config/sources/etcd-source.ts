import type { ConfigSource } from '../config.js';
import type { SourceSettings } from '../sources.schema.js';
import { EtcdGateway, type EtcdContents } from './etcd-gateway.js';
import type { RemoteSource } from './remote-source.js';

/**
 * A prefix of etcd's keys. It is read whole at one revision and watched from the next one on, so nothing is missed
 * in between; where the store has compacted that revision away, it is read again.
 */
export class EtcdSource implements RemoteSource {
  readonly name: ConfigSource;
  readonly #endpoints: string[];
  readonly #prefix: string;

  constructor(private readonly settings: SourceSettings) {
    this.#prefix = settings.ETCD_CONFIG_PREFIX;
    this.#endpoints = settings.ETCD_ENDPOINTS.split(',');
    this.name = `etcd:${this.#prefix}`;
  }

  async *contents(signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, string>, never> {
    const { gateway, first } = await this.#connect(signal);
    try {
      for (let contents = first; ; contents = await gateway.read(this.#prefix, signal)) {
        yield contents.entries;
        const { CONFIG_POLL_INTERVAL_MS } = this.settings;
        await gateway.change(this.#prefix, contents.revision + 1n, CONFIG_POLL_INTERVAL_MS, signal);
      }
    } finally {
      gateway.close();
    }
  }

  /** The first member that answers; the one that did not is asked last the next time. */
  async #connect(signal: AbortSignal): Promise<{ gateway: EtcdGateway; first: EtcdContents }> {
    const faults: unknown[] = [];
    for (const endpoint of this.#endpoints.slice()) {
      const gateway = new EtcdGateway(endpoint, this.settings);
      try {
        return { gateway, first: await gateway.read(this.#prefix, signal) };
      } catch (error) {
        gateway.close();
        if (signal.aborted) throw error;
        faults.push(error);
        this.#endpoints.push(...this.#endpoints.splice(0, 1));
      }
    }
    throw faults.at(-1);
  }
}
