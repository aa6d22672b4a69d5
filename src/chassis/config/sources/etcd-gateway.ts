import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { ConfigError } from '../config-error.js';
import type { SourceSettings } from '../sources.schema.js';
import { tooLarge, toText } from './read-text.js';
import { parseAnswer, parseJson, readAll, StoreClient } from './store-client.js';

/** Base64 and the other fields of an entry, over the value itself. */
const ENVELOPE = 4;
const BAD_REQUEST = 400;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
/** Its status depends on the version of etcd. */
const AUTH_IS_OFF = 'etcdserver: authentication is not enabled';
/** Of a member that asks nobody who he is. */
const NO_TOKEN = '';
/** What a member says of itself; anything else is the word of somebody else. */
const MEMBERS_WORD = /^etcdserver: [\w ,-]{1,100}$/;

const RangeAnswer = z.object({
  header: z.object({ revision: z.string().regex(/^\d+$/) }),
  kvs: z.array(z.object({ key: z.string(), value: z.string().default('') })).default([]),
});
const SignInAnswer = z.object({ token: z.string() });
const Refusal = z.object({ message: z.string().regex(MEMBERS_WORD) });

interface WatchAnswer {
  readonly error?: { readonly message?: string };
  readonly result?: {
    readonly events?: readonly unknown[];
    readonly canceled?: boolean;
    readonly cancel_reason?: string;
    readonly compact_revision?: string;
  };
}

/** What stands under a prefix, all of one revision of the store. */
export interface EtcdContents {
  readonly entries: ReadonlyMap<string, string>;
  readonly revision: bigint;
}

/**
 * One member of an etcd cluster, asked through its JSON gateway, which every etcd from 3.4 on has.
 * Source: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
 */
export class EtcdGateway {
  readonly #client: StoreClient;
  #token: string | undefined;

  constructor(
    private readonly endpoint: string,
    private readonly settings: SourceSettings,
  ) {
    const { ETCD_CA_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE } = settings;
    this.#client = new StoreClient(endpoint, {
      caFile: ETCD_CA_FILE,
      certFile: ETCD_CERT_FILE,
      keyFile: ETCD_KEY_FILE,
    });
  }

  async read(prefix: string, signal: AbortSignal): Promise<EtcdContents> {
    const { CONFIG_MAX_BYTES } = this.settings;
    const answer = await this.#ask('/v3/kv/range', rangeOf(prefix), signal);
    const text = await this.#readAll(answer, CONFIG_MAX_BYTES * ENVELOPE);
    const { header, kvs } = parseAnswer(text, RangeAnswer);
    const texts = kvs.map(({ key, value }) => {
      const name = decode(key).toString();
      return [name.slice(prefix.length), toText(`etcd:${name}`, decode(value))] as const;
    });
    const bytes = texts.reduce((sum, [, value]) => sum + Buffer.byteLength(value), 0);
    if (bytes > CONFIG_MAX_BYTES) throw tooLarge(this.endpoint, bytes, CONFIG_MAX_BYTES);
    return { entries: new Map(texts), revision: BigInt(header.revision) };
  }

  /**
   * Resolves when something has changed from `revision` on, when the store has forgotten that revision, and after
   * `limitMs` at the latest: a connection that died without a word is found by asking again.
   */
  async change(prefix: string, revision: bigint, limitMs: number, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(limitMs);
    try {
      const create_request = { ...rangeOf(prefix), start_revision: String(revision) };
      const answer = await this.#ask('/v3/watch', { create_request }, AbortSignal.any([signal, limit]));
      for await (const { result, error } of linesOf(answer)) {
        if (result?.events || result?.compact_revision) return;
        if (error || result?.canceled)
          throw new Error(error?.message ?? result?.cancel_reason ?? 'the watch was cancelled');
      }
      throw new Error('the watch ended');
    } catch (error) {
      if (!limit.aborted || signal.aborted) throw error;
    }
  }

  close(): void {
    this.#client.close();
  }

  async #ask(path: string, body: object, signal: AbortSignal): Promise<IncomingMessage> {
    if (this.settings.ETCD_USERNAME && this.#token === undefined) this.#token = await this.#signIn(signal);
    const answer = await this.#post(path, body, signal);
    if (answer.statusCode === UNAUTHORIZED && this.#token !== undefined) {
      // Tokens end after some minutes without use, and with the member that gave them.
      answer.resume();
      this.#token = await this.#signIn(signal);
      return this.#accept(await this.#post(path, body, signal));
    }
    return this.#accept(answer);
  }

  async #accept(answer: IncomingMessage): Promise<IncomingMessage> {
    if (answer.statusCode === 200) return answer;
    throw this.#refusal(answer, await this.#readAll(answer, this.settings.CONFIG_MAX_BYTES));
  }

  #refusal({ statusCode = 0 }: IncomingMessage, text: string): ConfigError {
    const word = wordOf(text);
    return new ConfigError(
      `${this.endpoint} answers ${statusCode}${word && ` (${word})`}.${adviceOn(statusCode, word)}`,
    );
  }

  async #signIn(signal: AbortSignal): Promise<string> {
    const { ETCD_USERNAME: name, ETCD_PASSWORD: password, CONFIG_MAX_BYTES } = this.settings;
    const answer = await this.#post('/v3/auth/authenticate', { name, password }, signal);
    const text = await this.#readAll(answer, CONFIG_MAX_BYTES);
    if (answer.statusCode === 200) return parseAnswer(text, SignInAnswer).token;
    // Not enabled yet: services have their user before.
    if (wordOf(text) === AUTH_IS_OFF) return NO_TOKEN;
    if (answer.statusCode !== BAD_REQUEST) throw this.#refusal(answer, text);
    throw new ConfigError(`${this.endpoint} does not know ETCD_USERNAME with ETCD_PASSWORD. Correct them.`);
  }

  #readAll(answer: IncomingMessage, maxBytes: number): Promise<string> {
    return readAll(this.endpoint, answer, { maxBytes, timeoutMs: this.settings.CONFIG_SOURCE_TIMEOUT_MS });
  }

  #post(path: string, body: object, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#client.open(path, {
      method: 'POST',
      headers: this.#token ? { authorization: this.#token } : {},
      body: JSON.stringify(body),
      signal,
      timeoutMs: this.settings.CONFIG_SOURCE_TIMEOUT_MS,
    });
  }
}

/** What etcd says why, where it is etcd that refuses. */
function wordOf(text: string): string {
  try {
    return parseAnswer(text, Refusal).message;
  } catch {
    return '';
  }
}

function adviceOn(status: number, word: string): string {
  if (status === UNAUTHORIZED || status === FORBIDDEN) return ' The user needs to read the prefix.';
  return word.endsWith('user name is empty') ? ' Set ETCD_USERNAME and ETCD_PASSWORD.' : '';
}

async function* linesOf(answer: IncomingMessage): AsyncGenerator<WatchAnswer> {
  let rest = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim()) yield parseJson(line) as WatchAnswer;
  }
}

/** Everything that begins with the prefix: up to the prefix with its last byte raised. */
function rangeOf(prefix: string): { readonly key: string; readonly range_end: string } {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1;
  return { key: Buffer.from(prefix).toString('base64'), range_end: end.toString('base64') };
}

function decode(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}
