import { outgoingCall, type OutgoingCall } from './outgoing-call.js';
import { UpstreamError, upstreamTimeout, upstreamUnavailable } from './upstream-error.js';

/** The deadline that a chassis reads on REST. */
const TIMEOUT_HEADER = 'x-request-timeout-ms';
const DEFAULT_TIMEOUT_MS = 10_000;

export interface HttpClientOptions {
  /** Of the other service, for messages. */
  readonly name: string;
  /** Where its paths begin, such as `https://payments.example/api`. */
  readonly baseUrl: string;
  /**
   * Longest time for an answer, in milliseconds; a call that has less left gives it that.
   * @default 10000
   */
  readonly timeoutMs?: number;
}

type Value = string | number | boolean;

export interface HttpClientRequest {
  readonly method: string;
  /** With parameters in braces: `/v1/payments/{id}`. */
  readonly path: string;
  /** Their values, escaped here. */
  readonly parameters?: object | undefined;
  /** A list is sent as several parameters of one name; `undefined` is left out. */
  readonly query?: object | undefined;
  readonly headers?: object | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/**
 * REST calls to another service, by Node's `fetch`. Inside a call they bear its request id, its trace and
 * what is left of its deadline, and end with it.
 */
export class HttpClient {
  readonly #timeoutMs: number;
  readonly #baseUrl: string;

  constructor(private readonly options: HttpClientOptions) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#baseUrl = options.baseUrl.replace(/\/$/, '');
  }

  /**
   * The body of the answer, parsed when it is JSON, `undefined` when there is none.
   * @throws {UpstreamError} when the status is not 2xx
   * @throws {ServiceError} UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, or what the call was aborted with
   */
  async send<Answer>(request: HttpClientRequest): Promise<Answer> {
    const outgoing = outgoingCall(this.#timeoutMs);
    const limit = AbortSignal.timeout(outgoing.limitMs);
    const signal = outgoing.signal ? AbortSignal.any([outgoing.signal, limit]) : limit;
    try {
      const init = { method: request.method, headers: headersOf(request, outgoing), signal };
      const body = request.body === undefined ? {} : { body: JSON.stringify(request.body) };
      const response = await fetch(this.#urlOf(request), { ...init, ...body });
      const answer = await read(response);
      if (!response.ok) throw new UpstreamError(this.options.name, response.status, answer);
      return answer as Answer;
    } catch (error) {
      if (error instanceof UpstreamError) throw error;
      const { name } = this.options;
      throw outgoing.abortReason() ?? (limit.aborted ? upstreamTimeout : upstreamUnavailable)(name, error);
    }
  }

  #urlOf({ path, parameters = {}, query = {} }: HttpClientRequest): URL {
    const values = parameters as Readonly<Record<string, Value>>;
    const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) =>
      encodeURIComponent(String(values[name])),
    );
    const url = new URL(this.#baseUrl + filled);
    for (const [name, value] of Object.entries(query as Record<string, Value | readonly Value[] | undefined>))
      for (const each of [value].flat()) if (each !== undefined) url.searchParams.append(name, String(each));
    return url;
  }
}

function headersOf({ headers = {}, body }: HttpClientRequest, outgoing: OutgoingCall): Headers {
  const all = new Headers({ accept: 'application/json', ...outgoing.headers });
  all.set(TIMEOUT_HEADER, String(outgoing.limitMs));
  if (body !== undefined) all.set('content-type', 'application/json');
  for (const [name, value] of Object.entries(headers as Record<string, Value | undefined>))
    if (value !== undefined) all.set(name, String(value));
  return all;
}

async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return undefined;
  return /\bjson\b/.test(response.headers.get('content-type') ?? '') ? (JSON.parse(text) as unknown) : text;
}
