import { finished, PassThrough, Readable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import { disturbanceOf } from '../context/index.js';
import { callCancelled, CodedError } from '../errors/index.js';
import type { Attempt, Policy } from '../resilience/index.js';
import { checkHttpOptions } from './check-options.js';
import { connectionFailure } from './connection-failure.js';
import { beginDisturbed, byStatus, cutBody } from './disturbed-call.js';
import { ignore, readAnswer, refusalOf, type HttpAnswer } from './http-answer.js';
import { createPool, type HttpPoolOptions } from './http-pool.js';
import {
  headersOf,
  isIdempotent,
  prepare,
  type HttpClientRequest,
  type PreparedRequest,
} from './http-request.js';
import { OutgoingCall } from './outgoing-call.js';
import { takeSource } from './taken-source.js';
import { upstreamAnswerMalformed } from './upstream-failures.js';

const DEFAULT_MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** undici's errors for what is no HTTP. */
const MALFORMED = /^(HTTPParserError|HeadersOverflowError|ResponseContentLengthMismatchError)$/;
/** undici's codes for what it does not send. */
const UNSENT: ReadonlySet<unknown> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);
/** Codes of a body that its reader, or what it is piped to, has left. */
const LEFT: ReadonlySet<string> = new Set(['UND_ERR_ABORTED', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR']);

export interface HttpClientOptions extends HttpPoolOptions {
  /** Of the other service, kebab-case: in messages, metrics and its policy. */
  readonly name: string;
  /** Where its paths begin, such as `https://payments.example/api`; without user, query and fragment. */
  readonly baseUrl: string;
  /**
   * Longest time for an answer, in milliseconds; a call that has less left gives it that. A function is asked for
   * each request.
   * @default 10000
   */
  readonly timeoutMs?: number | (() => number);
  /** Longest answer that `send` takes. @default 4 MiB */
  readonly maxAnswerBytes?: number;
}

/** Connections of a client. */
export interface HttpConnections {
  readonly active: number;
  readonly idle: number;
  /** Requests that wait for one. */
  readonly waiting: number;
}

/**
 * REST calls to another service over connections that are kept. Inside a call they bear its request id, its trace and
 * what is left of its deadline, and end with it. Redirects are not followed: they are no success.
 */
export class HttpClient {
  readonly #pool: Pool;
  readonly #prefix: string;
  /** What faults on purpose call it. */
  readonly #target: string;

  /**
   * @param policy what each request runs under; those that may not be sent again are sent once
   * @throws {TypeError} for options that are not valid, {StartError} for TLS files that are not
   */
  constructor(
    private readonly options: HttpClientOptions,
    private readonly policy?: Policy,
  ) {
    checkHttpOptions(options);
    const { origin, pathname } = new URL(options.baseUrl);
    this.#prefix = pathname.replace(/\/$/, '');
    this.#target = `client:${options.name}`;
    this.#pool = createPool(options.name, origin, options);
  }

  get name(): string {
    return this.options.name;
  }

  get connections(): HttpConnections {
    const { connected, free, queued, pending } = this.#pool.stats;
    return { active: connected - free, idle: free, waiting: Math.max(queued, pending) };
  }

  /**
   * The body of the answer, parsed when it is JSON, `undefined` when there is none.
   * @throws {UpstreamError} when the status is not 2xx
   * @throws {ServiceError} UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, UPSTREAM_TLS_FAILED, UPSTREAM_ANSWER_TOO_LARGE,
   * UPSTREAM_ANSWER_MALFORMED, what the policy refuses with, or what the call was aborted with
   */
  async send<Answer>(request: HttpClientRequest): Promise<Answer> {
    return this.#run(request, (prepared, attempt) => this.#send(prepared, attempt) as Promise<Answer>);
  }

  /**
   * The answer as soon as it begins, of any length. From then on it is the call's deadline that ends it; its place in the
   * policy's bulkhead it has until its end. @throws as `send`
   */
  async stream(request: HttpClientRequest): Promise<HttpAnswer> {
    return this.#run(request, (prepared, attempt) => this.#stream(prepared, attempt));
  }

  /** Waits for the requests that are open. */
  async close(): Promise<void> {
    if (!this.#pool.closed) await this.#pool.close();
  }

  async #run<Answer>(
    request: HttpClientRequest,
    ask: (prepared: PreparedRequest, attempt?: Attempt) => Promise<Answer>,
  ): Promise<Answer> {
    const closeContent = takeSource(request.content);
    let isAnswered = false;
    try {
      // Before the policy: what is refused here says nothing of the other service.
      const prepared = prepare(request);
      const work = async (attempt?: Attempt): Promise<Answer> => {
        const answer = await ask(prepared, attempt);
        isAnswered = true;
        return answer;
      };
      return await (this.policy ? this.policy.run(work, isIdempotent(request), [request]) : work());
    } finally {
      // Such as refused by the policy, or answered by a step of its fallback.
      if (!isAnswered) closeContent();
    }
  }

  async #send(request: PreparedRequest, attempt?: Attempt): Promise<unknown> {
    const outgoing = new OutgoingCall(this.name, this.options.timeoutMs);
    try {
      const answer = await this.#request(request, outgoing, outgoing.limitMs);
      return await readAnswer(this.name, answer, this.#maxBytes);
    } catch (error) {
      throw this.#failure(error, request, outgoing, attempt);
    } finally {
      outgoing.end();
    }
  }

  async #stream(request: PreparedRequest, attempt?: Attempt): Promise<HttpAnswer> {
    const outgoing = new OutgoingCall(this.name, this.options.timeoutMs);
    try {
      const { statusCode, headers, body } = await this.#request(request, outgoing, outgoing.streamLimitMs);
      outgoing.begun();
      failWith(body, (error) => this.#translate(error));
      body.once('close', () => outgoing.end()).on('error', ignore);
      attempt?.goOn(endOf(body));
      return { status: statusCode, headers, body };
    } catch (error) {
      outgoing.end();
      throw this.#failure(error, request, outgoing, attempt);
    }
  }

  /** @throws {UpstreamError} for what is no success, its body read */
  async #request(
    request: PreparedRequest,
    outgoing: OutgoingCall,
    limitMs: number,
  ): Promise<Dispatcher.ResponseData> {
    const { method, target, content } = request;
    const disturbance = disturbanceOf(this.#target);
    if (disturbance) await beginDisturbed(this.name, outgoing, disturbance, byStatus);
    const controller = new AbortController();
    outgoing.whenAborted((reason) => controller.abort(reason));
    const answer = await this.#pool.request({
      method,
      path: this.#prefix + target,
      headers: headersOf(request, outgoing, limitMs),
      body: content instanceof Readable ? passOn(content) : content,
      signal: controller.signal,
    });
    if (disturbance?.cut) answer.body = cutBody(answer.body, disturbance.cut) as typeof answer.body;
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    throw await refusalOf(this.name, answer, this.#maxBytes);
  }

  get #maxBytes(): number {
    return this.options.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES;
  }

  /** What an attempt has failed with; content whose source breaks, and what is not sent, say nothing of the other service. */
  #failure(
    error: unknown,
    { content }: PreparedRequest,
    { abortReason }: OutgoingCall,
    attempt: Attempt | undefined,
  ): unknown {
    if (abortReason) return abortReason;
    const broken = content instanceof Readable ? content.errored : null;
    if (broken || UNSENT.has((error as NodeJS.ErrnoException).code)) attempt?.abort(callCancelled());
    return broken ?? this.#translate(error);
  }

  /** What is no fault of the connection or the answer is thrown as it is. */
  #translate(error: unknown): unknown {
    if (error instanceof CodedError || !(error instanceof Error)) return error;
    const { code = '', message }: NodeJS.ErrnoException = error;
    if (MALFORMED.test(error.name)) return upstreamAnswerMalformed(this.name, error);
    return code === '' ? error : (connectionFailure(this.name, `${code} ${message}`, error) ?? error);
  }
}

/**
 * What undici sends in place of the content. A connection that breaks destroys it with the connection's failure, but not
 * the content, whose error is always its own.
 */
function passOn(content: Readable): Readable {
  const sent = new PassThrough();
  finished(content, (error) => error && sent.destroy(error));
  sent.once('close', () => content.destroy());
  return content.pipe(sent);
}

/** Whoever reads the body is told of its failure in the same words as of that of an answer. */
function failWith(body: Readable, translate: (error: unknown) => unknown): void {
  const destroy = body._destroy.bind(body);
  body._destroy = (error, done) => destroy(error && (translate(error) as Error), done);
}

/** Whoever leaves early has had what it wanted: that says nothing of the other service. */
function endOf(body: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    body.once('error', (error: NodeJS.ErrnoException) =>
      reject(LEFT.has(error.code ?? '') ? callCancelled() : error),
    );
    body.once('close', resolve);
  });
}
