import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ConfigSource } from '../config.js';
import { ConfigError } from '../config-error.js';
import type { SourceSettings } from '../sources.schema.js';
import { tooLarge, toText } from './read-text.js';
import type { RemoteSource } from './remote-source.js';
import { parseAnswer, readAll, StoreClient } from './store-client.js';

/** Consul waits longer than it was asked to by up to a sixteenth. */
const WAIT_MARGIN = 17 / 16;
/** Between two answers, in milliseconds: a prefix that changes all the time is not read all the time. */
const PAUSE_MS = 50;
/** Base64 and the other fields of an entry, over the value itself. */
const ENVELOPE = 4;

const Entries = z.array(z.object({ Key: z.string(), Value: z.string().nullable() }));

/**
 * A prefix of Consul's KV store, by blocking queries: the index of an answer is what the next one waits beyond; one
 * that goes backwards begins again. Source: https://developer.hashicorp.com/consul/api-docs/features/blocking
 */
export class ConsulSource implements RemoteSource {
  readonly name: ConfigSource;
  readonly #prefix: string;

  constructor(private readonly settings: SourceSettings) {
    this.#prefix = settings.CONSUL_CONFIG_PREFIX;
    this.name = `consul:${this.#prefix}`;
  }

  async *contents(signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, string>, never> {
    const { settings } = this;
    const client = new StoreClient(settings.CONSUL_URL, { caFile: settings.CONSUL_CA_FILE });
    try {
      for (let index = 0; ;) {
        const answer = await this.#ask(client, index, signal);
        const entries = await this.#read(answer);
        yield entries;
        const next = indexOf(answer);
        // Without an index nothing can be waited for.
        await sleep(next === 0 ? settings.CONFIG_POLL_INTERVAL_MS : PAUSE_MS, undefined, {
          signal,
          ref: false,
        });
        index = next < index ? 0 : next;
      }
    } finally {
      client.close();
    }
  }

  #ask(client: StoreClient, index: number, signal: AbortSignal): Promise<IncomingMessage> {
    const { CONSUL_TOKEN, CONSUL_DATACENTER, CONFIG_POLL_INTERVAL_MS, CONFIG_SOURCE_TIMEOUT_MS } =
      this.settings;
    const query = new URLSearchParams({ recurse: 'true' });
    if (CONSUL_DATACENTER) query.set('dc', CONSUL_DATACENTER);
    if (index > 0) {
      query.set('index', String(index));
      query.set('wait', `${CONFIG_POLL_INTERVAL_MS}ms`);
    }
    const waitMs = index > 0 ? CONFIG_POLL_INTERVAL_MS * WAIT_MARGIN : 0;
    return client.open(`/v1/kv/${encodeURI(this.#prefix)}?${query.toString()}`, {
      method: 'GET',
      headers: CONSUL_TOKEN ? { 'x-consul-token': CONSUL_TOKEN } : {},
      signal,
      timeoutMs: waitMs + CONFIG_SOURCE_TIMEOUT_MS,
    });
  }

  async #read(answer: IncomingMessage): Promise<ReadonlyMap<string, string>> {
    const { CONFIG_MAX_BYTES, CONFIG_SOURCE_TIMEOUT_MS } = this.settings;
    const limits = { maxBytes: CONFIG_MAX_BYTES * ENVELOPE, timeoutMs: CONFIG_SOURCE_TIMEOUT_MS };
    const text = await readAll(this.name, answer, limits);
    if (answer.statusCode === 404) return new Map();
    if (answer.statusCode === 403)
      throw new ConfigError(`${this.name} answers 403. Give CONSUL_TOKEN key:read of the prefix.`);
    if (answer.statusCode !== 200) throw new ConfigError(`${this.name} answers ${answer.statusCode}.`);
    const entries = parseAnswer(text, Entries).filter(({ Key }) => !Key.endsWith('/'));
    const texts = entries.map(({ Key, Value }) => {
      const name = Key.slice(this.#prefix.length);
      return [name, toText(this.name + name, Buffer.from(Value ?? '', 'base64'))] as const;
    });
    const bytes = texts.reduce((sum, [, value]) => sum + Buffer.byteLength(value), 0);
    if (bytes > CONFIG_MAX_BYTES) throw tooLarge(this.name, bytes, CONFIG_MAX_BYTES);
    return new Map(texts);
  }
}

function indexOf({ headers }: IncomingMessage): number {
  const index = Number(headers['x-consul-index']);
  return Number.isSafeInteger(index) && index > 0 ? index : 0;
}
