import { Client, credentials, Metadata, status, type ServiceError as GrpcError } from '@grpc/grpc-js';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SecureContext } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { parseRetryAfter, retryInfoOf } from '../errors/index.js';
import { rejectedSpansOf } from './partial-success.js';

/** What became of one attempt. `sent` may be in part, `retry` may say when, in milliseconds. */
export type SendResult =
  | { readonly outcome: 'sent'; readonly rejectedSpans: number }
  | { readonly outcome: 'retry'; readonly afterMs?: number; readonly cause: string }
  | { readonly outcome: 'refused'; readonly cause: string };

/** Carries one serialized `ExportTraceServiceRequest` to the collector. */
export interface OtlpSender {
  send(request: readonly Buffer[], timeoutMs: number): Promise<SendResult>;
  close(): void;
}

export interface SenderOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly compress: boolean;
  /** For https; else there is none. */
  readonly tls?: SecureContext | undefined;
}

const RETRYABLE_HTTP = new Set([429, 502, 503, 504]);
const RETRYABLE_GRPC = new Set<number>([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);
/** Of an answer, which says in a few words what was rejected. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** A collector that is back is found soon; grpc-js alone would wait up to two minutes. */
const MAX_RECONNECT_MS = 5000;
const NOTHING = Buffer.alloc(0);
const EXPORT_METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** OTLP over HTTP with protobuf bodies, one kept-alive connection. */
export function createHttpSender(options: SenderOptions): OtlpSender {
  const { tls } = options;
  const agent = tls
    ? new HttpsAgent({ keepAlive: true, maxSockets: 1, secureContext: tls })
    : new HttpAgent({ keepAlive: true, maxSockets: 1 });
  const open = tls ? httpsRequest : httpRequest;
  return {
    send: (parts, timeoutMs) =>
      new Promise((resolve) => {
        const body = options.compress ? [gzipSync(Buffer.concat(parts))] : parts;
        const length = body.reduce((sum, part) => sum + part.length, 0);
        const headers = {
          ...options.headers,
          'content-type': 'application/x-protobuf',
          'content-length': length,
          ...(options.compress && { 'content-encoding': 'gzip' }),
        };
        const request = open(options.url, { method: 'POST', agent, headers, timeout: timeoutMs });
        const limit = setTimeout(
          () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
          timeoutMs,
        );
        let settle = (cause: string) => resolve({ outcome: 'retry', cause });
        request.on('response', (response) => {
          const pieces: Buffer[] = [];
          let bytes = 0;
          response.on('data', (piece: Buffer) => {
            bytes += piece.length;
            if (bytes <= MAX_ANSWER_BYTES) pieces.push(piece);
          });
          // However it ends, its status counts.
          settle = () => resolve(judgeHttp(response, Buffer.concat(pieces)));
        });
        request.on('error', ({ message }) => settle(message));
        // Node tells of nothing else when it is answered with a switch of protocols (101).
        request.on('close', () => {
          clearTimeout(limit);
          settle('no answer');
        });
        for (const part of body) request.write(part);
        request.end();
      }),
    close: () => agent.destroy(),
  };
}

/** OTLP over gRPC; the request is serialized already, so no codec is needed. */
export function createGrpcSender(options: SenderOptions): OtlpSender {
  const channelOptions = {
    ...(options.compress && { 'grpc.default_compression_algorithm': 2 }),
    'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_MS,
    // A client that takes the place of another has connections of its own.
    'grpc.use_local_subchannel_pool': 1,
  };
  const secured = options.tls
    ? credentials.createFromSecureContext(options.tls)
    : credentials.createInsecure();
  let client: Client | undefined;
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.headers)) metadata.set(name, value);
  return {
    send: (parts, timeoutMs) =>
      new Promise((resolve) => {
        client ??= new Client(targetOf(options.url), secured, channelOptions);
        client.makeUnaryRequest(
          EXPORT_METHOD,
          (bytes: Buffer) => bytes,
          (bytes) => bytes,
          Buffer.concat(parts),
          metadata,
          { deadline: Date.now() + timeoutMs },
          (error, answer) => {
            if (!error)
              return resolve({ outcome: 'sent', rejectedSpans: rejectedSpansOf(answer ?? NOTHING) });
            if (error.code === status.DEADLINE_EXCEEDED) disconnect();
            resolve(judgeGrpc(error));
          },
        );
      }),
    close: disconnect,
  };

  /** The next request has another connection: this one may be dead, of which nobody has told it. */
  function disconnect(): void {
    client?.close();
    client = undefined;
  }
}

/** grpc-js takes 443 for the port of every address without one. */
function targetOf({ hostname, port, protocol }: URL): string {
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

/** Source: OTLP specification, "Failures" and "OTLP/gRPC Throttling" */
function judgeGrpc({ code, message, metadata }: GrpcError): SendResult {
  const afterMs = retryInfoOf(metadata);
  const passes = RETRYABLE_GRPC.has(code) || (code === status.RESOURCE_EXHAUSTED && afterMs !== undefined);
  if (!passes) return { outcome: 'refused', cause: message };
  return { outcome: 'retry', cause: message, ...(afterMs !== undefined && { afterMs }) };
}

function judgeHttp({ statusCode = 0, headers }: IncomingMessage, answer: Buffer): SendResult {
  if (statusCode >= 200 && statusCode < 300)
    return { outcome: 'sent', rejectedSpans: rejectedSpansOf(answer) };
  const cause = `HTTP ${statusCode}`;
  if (!RETRYABLE_HTTP.has(statusCode)) return { outcome: 'refused', cause };
  const afterMs = parseRetryAfter(headers['retry-after'], Date.now());
  return { outcome: 'retry', cause, ...(afterMs !== undefined && { afterMs }) };
}
