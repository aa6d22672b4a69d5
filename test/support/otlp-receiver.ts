import {
  Metadata,
  Server as GrpcServer,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { trace } from '@opentelemetry/api';
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { RetryInfo } from '../../src/generated/google/rpc/error_details.js';
import { Status } from '../../src/generated/google/rpc/status.js';
import type { TestCertificate } from './certificates.js';
import { eventually } from './eventually.js';

type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

/** A span as it arrived. Times are nanoseconds since the epoch. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, Value>> }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code: number; readonly message: string } | undefined;
  readonly flags: number;
  readonly scope: { readonly name: string; readonly version: string };
  readonly resource: Readonly<Record<string, Value>>;
}

interface WireValue {
  readonly string_value?: string;
  readonly bool_value?: boolean;
  readonly int_value?: string;
  readonly double_value?: number;
  readonly array_value?: { readonly values: readonly WireValue[] };
  readonly kvlist_value?: { readonly values: WireAttributes };
  readonly bytes_value?: Buffer;
}
type WireAttributes = readonly { readonly key: string; readonly value: WireValue }[];
interface WireSpan {
  readonly trace_id: Buffer;
  readonly span_id: Buffer;
  readonly parent_span_id: Buffer;
  readonly trace_state: string;
  readonly name: string;
  readonly kind: number;
  readonly start_time_unix_nano: string;
  readonly end_time_unix_nano: string;
  readonly attributes: WireAttributes;
  readonly events: readonly { readonly name: string; readonly attributes: WireAttributes }[];
  readonly links: readonly { readonly trace_id: Buffer; readonly span_id: Buffer }[];
  readonly status: { readonly code: number; readonly message: string } | null;
  readonly flags: number;
}
interface WireRequest {
  readonly resource_spans: readonly {
    readonly resource: { readonly attributes: WireAttributes };
    readonly scope_spans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly WireSpan[];
    }[];
  }[];
}

const protocol = loadSync(join(import.meta.dirname, 'otlp.proto'), {
  keepCase: true,
  longs: String,
  defaults: true,
  oneofs: true,
});
const service = protocol['opentelemetry.proto.collector.trace.v1.TraceService'] as Record<
  string,
  MethodDefinition<object, object>
>;
const { requestDeserialize, responseSerialize } = service['Export'] as MethodDefinition<object, object>;

/** How the receiver treats the next requests. */
export type Behaviour =
  | 'accept'
  | 'hang'
  | { readonly status: number; readonly headers?: OutgoingHttpHeaders }
  /** Over gRPC; `retrySeconds` go along as a `RetryInfo`. */
  | { readonly code: number; readonly retrySeconds?: number }
  /** Takes the request, but for so many spans. */
  | { readonly rejected: number };

/** A collector for tests: real OTLP over HTTP and gRPC, decoding the protobuf. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Headers of each HTTP request. */
  readonly requests: IncomingHttpHeaders[] = [];
  /** Requests over gRPC. */
  grpcRequests = 0;
  behaviour: Behaviour = 'accept';

  private constructor(
    private readonly http: Server,
    private readonly grpc: GrpcServer,
    /** For OTEL_EXPORTER_OTLP_ENDPOINT with http/protobuf. */
    readonly httpUrl: string,
    /** For OTEL_EXPORTER_OTLP_ENDPOINT with grpc. */
    readonly grpcUrl: string,
  ) {}

  /** @param certificate for TLS, on both ports */
  static async start(certificate?: TestCertificate): Promise<OtlpReceiver> {
    const http = certificate ? createSecureServer(certificate) : createServer();
    const grpc = new GrpcServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const grpcPort = await new Promise<number>((resolve, reject) => {
      grpc.bindAsync('127.0.0.1:0', credentialsOf(certificate), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    const { port } = http.address() as AddressInfo;
    // grpc-js takes no address for the name of a server with TLS.
    const origin = certificate ? 'https://localhost' : 'http://127.0.0.1';
    const receiver = new OtlpReceiver(http, grpc, `${origin}:${port}`, `${origin}:${grpcPort}`);
    receiver.#serve();
    return receiver;
  }

  /** Waits for spans that fit and returns all that do. */
  async find(what: string, fits: (span: ReceivedSpan) => boolean, count = 1): Promise<ReceivedSpan[]> {
    await eventually(`${count} span(s): ${what}`, () => this.spans.filter(fits).length >= count);
    return this.spans.filter(fits);
  }

  /**
   * Forgets what came until now, and what a service in this process still has of calls that have ended: spans come
   * in the order in which they end.
   */
  async forget(): Promise<void> {
    await setImmediate();
    const last = trace.getTracer('test').startSpan('last', { root: true });
    last.end();
    await this.find('the last', ({ spanId }) => spanId === last.spanContext().spanId);
    this.spans.length = 0;
  }

  async stop(): Promise<void> {
    this.grpc.forceShutdown();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  #answer(): object {
    const { behaviour } = this;
    const isPartial = typeof behaviour === 'object' && 'rejected' in behaviour;
    return isPartial ? { partial_success: { rejected_spans: behaviour.rejected, error_message: 'no' } } : {};
  }

  #serve(): void {
    this.http.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.requests.push(request.headers);
        if (this.behaviour === 'hang') return;
        const { behaviour } = this;
        const { status, headers } =
          typeof behaviour === 'object' && 'status' in behaviour ? behaviour : { status: 200 };
        const body = Buffer.concat(chunks);
        if (status === 200 && request.url === '/v1/traces') {
          this.spans.push(
            ...decodeSpans(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body),
          );
        }
        response
          .writeHead(request.url === '/v1/traces' ? status : 404, headers)
          .end(responseSerialize(this.#answer()));
      });
    });
    this.grpc.addService(service, {
      Export: (call: ServerUnaryCall<WireRequest, object>, callback: sendUnaryData<object>) => {
        this.grpcRequests += 1;
        const { behaviour } = this;
        if (typeof behaviour === 'object' && 'code' in behaviour) return callback(refusalOf(behaviour));
        this.spans.push(...spansOf(call.request));
        callback(null, this.#answer());
      },
    });
  }
}

function credentialsOf(certificate: TestCertificate | undefined): ServerCredentials {
  if (!certificate) return ServerCredentials.createInsecure();
  const { cert, key } = certificate;
  return ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) },
  ]);
}

function refusalOf({ code, retrySeconds }: { readonly code: number; readonly retrySeconds?: number }) {
  const metadata = new Metadata();
  if (retrySeconds !== undefined) {
    const value = RetryInfo.encode({ retryDelay: { seconds: retrySeconds, nanos: 0 } }).finish();
    const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value }];
    const status = Status.encode({ code, message: 'no', details }).finish();
    metadata.set('grpc-status-details-bin', Buffer.from(status));
  }
  return { code, details: 'no', metadata };
}

/** The spans of a serialized `ExportTraceServiceRequest`. */
export function decodeSpans(request: Buffer): ReceivedSpan[] {
  return spansOf(requestDeserialize(request) as WireRequest);
}

function spansOf(request: WireRequest): ReceivedSpan[] {
  return request.resource_spans.flatMap(({ resource, scope_spans: scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => toSpan(span, scope, toAttributes(resource.attributes))),
    ),
  );
}

function toSpan(
  span: WireSpan,
  scope: ReceivedSpan['scope'],
  resource: ReceivedSpan['resource'],
): ReceivedSpan {
  return {
    traceId: span.trace_id.toString('hex'),
    spanId: span.span_id.toString('hex'),
    parentSpanId: span.parent_span_id.toString('hex'),
    traceState: span.trace_state,
    name: span.name,
    kind: span.kind,
    start: BigInt(span.start_time_unix_nano),
    end: BigInt(span.end_time_unix_nano),
    attributes: toAttributes(span.attributes),
    events: span.events.map(({ name, attributes }) => ({ name, attributes: toAttributes(attributes) })),
    links: span.links.map((link) => ({
      traceId: link.trace_id.toString('hex'),
      spanId: link.span_id.toString('hex'),
    })),
    // An absent status and one of code 0 say the same: unset.
    status: span.status?.code ? span.status : undefined,
    flags: span.flags,
    scope,
    resource,
  };
}

function toAttributes(attributes: WireAttributes): Record<string, Value> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, toValue(value)]));
}

function toValue(value: WireValue): Value {
  if (value.string_value !== undefined) return value.string_value;
  if (value.bool_value !== undefined) return value.bool_value;
  if (value.int_value !== undefined) return Number(value.int_value);
  if (value.double_value !== undefined) return value.double_value;
  if (value.kvlist_value) return toAttributes(value.kvlist_value.values);
  if (value.bytes_value) return value.bytes_value.toString('hex');
  return value.array_value ? value.array_value.values.map(toValue) : null;
}
