import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvalidGroupError, parseGroup, type AlertGroup } from './alert-group.ts';
import { isAuthorized } from './authorize.ts';
import type { Delivery } from './delivery.ts';
import type { Log } from './log.ts';
import { composeMessage } from './message.ts';
import type { Metrics } from './metrics.ts';
import { readBounded, TooLargeError } from './read-bounded.ts';

export interface BridgeOptions {
  readonly host: string;
  readonly port: number;
  /** What Alertmanager sends as its bearer token. */
  readonly token: string;
  readonly atMobiles: readonly string[];
  readonly maxBodyBytes: number;
  /** Longest time for a request to arrive, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly delivery: Delivery;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** An answer to Alertmanager. It calls again after a status from 500 on, and never after another one. */
interface Answer {
  readonly status: number;
  /** As in `bridge_webhooks_total{result}`. */
  readonly result: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** Calls that wait at a time; Alertmanager has one for each group. */
const MOST_CONNECTIONS = 200;

/** `POST /webhook` for Alertmanager, `GET /healthz` and `GET /metrics`. */
export class Bridge {
  readonly #options: BridgeOptions;
  readonly #server: Server;

  constructor(options: BridgeOptions) {
    this.#options = options;
    const { requestTimeoutMs } = options;
    this.#server = createServer({
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, requestTimeoutMs / 4),
    });
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on('request', (request, response) => void this.#serve(request, response));
  }

  listen(): void {
    const { host, port, log } = this.#options;
    this.#server.on('error', (error) => {
      log.error(`bridge did not start: ${error.message}`, {});
      process.exitCode = 1;
    });
    this.#server.listen(port, host, () => {
      const { address, port: actual } = this.#server.address() as AddressInfo;
      log.info('bridge ready', { address: `${address}:${actual}` });
    });
  }

  /** Takes no more connections; `done` is called when the last call is answered. */
  close(done: () => void): void {
    this.#server.close(done);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url: path } = request;
    if (method === 'GET' && path === '/healthz') return reply(response, 200, 'ok\n');
    if (method === 'GET' && path === '/metrics') return reply(response, 200, this.#options.metrics.render());
    if (path !== '/webhook') return reply(response, 404, 'Alertmanager posts to /webhook\n');
    if (method !== 'POST') return reply(response, 405, 'use POST\n', { allow: 'POST' });
    this.#answer(response, await this.#notify(request));
  }

  async #notify(request: IncomingMessage): Promise<Answer> {
    const { token, maxBodyBytes } = this.#options;
    if (!isAuthorized(request.headers.authorization, token))
      return { status: 401, result: 'unauthorized', message: 'the bearer token is missing or wrong' };
    try {
      // Not destroyed: also a body that is too large gets its answer.
      const text = await readBounded(request.iterator({ destroyOnReturn: false }), maxBodyBytes);
      return await this.#send(parseGroup(text));
    } catch (error) {
      // What is left of the body is read away, or the next request on this connection would wait behind it.
      request.resume();
      return answerTo(error);
    }
  }

  async #send(group: AlertGroup): Promise<Answer> {
    const { delivery, metrics, atMobiles } = this.#options;
    const { message, leftOut } = composeMessage(group, atMobiles);
    const outcome = await delivery.deliver(message);
    const { result, reason } = outcome;
    if ('retryAfterMs' in outcome) return { ...outcome, status: 503, message: reason };
    if (result === 'refused') return { status: 424, result, message: reason };
    for (const { status } of group.alerts) metrics.count('bridge_alerts_total', status);
    if (leftOut > 0) metrics.count('bridge_alerts_left_out_total', 'size', leftOut);
    return { status: 200, result: 'sent', message: message.markdown.title };
  }

  #answer(response: ServerResponse, { status, result, message, retryAfterMs }: Answer): void {
    const { log, metrics } = this.#options;
    metrics.count('bridge_webhooks_total', result);
    if (status === 200) log.info('delivered', { message });
    else log.error('not delivered', { status, result, message });
    const seconds = retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1000));
    reply(response, status, `${message}\n`, seconds === undefined ? {} : { 'retry-after': String(seconds) });
  }
}

function answerTo(error: unknown): Answer {
  if (error instanceof TooLargeError) return { status: 413, result: 'invalid', message: error.message };
  if (error instanceof InvalidGroupError) return { status: 400, result: 'invalid', message: error.message };
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ECONNRESET')
    return { status: 400, result: 'aborted', message: 'the request did not arrive whole' };
  return { status: 500, result: 'error', message };
}

function reply(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(text);
}
