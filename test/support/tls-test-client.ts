import { credentials } from '@grpc/grpc-js';
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { Agent, request } from 'node:https';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { TestCertificate } from './certificates.js';
import { GrpcTestClient } from './grpc-test-client.js';
import { HttpTestClient, type HttpAnswer } from './http-test-client.js';

export interface TlsTestOptions {
  /** PEM of the authority that the service's certificate comes from. */
  readonly ca: string;
  /** What the client shows. @default nothing */
  readonly client?: TestCertificate | undefined;
  /** @default `h1` */
  readonly version?: 'h1' | 'h2';
  /** Host to ask for. @default localhost */
  readonly servername?: string;
}

/** REST calls over TLS, all on one kept connection, over HTTP/1.1 or HTTP/2. */
export class TlsTestClient extends HttpTestClient {
  readonly #tls: Record<string, unknown>;
  readonly #agent: Agent;
  readonly #version: 'h1' | 'h2';
  #session: ClientHttp2Session | undefined;
  /** Connections that were opened; each has ended the one before. */
  connections = 0;

  constructor(address: string, { ca, client, version = 'h1', servername = 'localhost' }: TlsTestOptions) {
    super(address);
    this.#version = version;
    this.#tls = { ca, servername, ...client };
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
  }

  override send(path: string, init: RequestInit = {}): Promise<HttpAnswer> {
    const headers = Object.fromEntries(new Headers(init.headers));
    const message = {
      path,
      method: init.method ?? 'GET',
      headers,
      body: init.body as string,
      signal: init.signal,
    };
    return this.#version === 'h1' ? this.#sendHttp1(message) : this.#sendHttp2(message);
  }

  /** A POST whose body the test sends; nobody reads its answer. */
  open(path: string, headers: Record<string, string>): Writable {
    const sent =
      this.#version === 'h1'
        ? request(`https://${this.address}${path}`, { method: 'POST', headers, agent: false, ...this.#tls })
        : this.session().request({ ':method': 'POST', ':path': path, ...headers }, { endStream: false });
    return sent.on('error', () => undefined).on('response', () => undefined);
  }

  /** The HTTP/2 session, opened when there is none. */
  session(): ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    this.connections += 1;
    this.#session = connect(`https://${this.address}`, this.#tls);
    // Each call reports its own failure.
    this.#session.on('error', () => undefined);
    return this.#session;
  }

  close(): void {
    this.#agent.destroy();
    this.#session?.destroy();
  }

  async #sendHttp1({ path, method, headers, body, signal }: Message): Promise<HttpAnswer> {
    const sent = request(`https://${this.address}${path}`, {
      method,
      headers,
      agent: this.#agent,
      ...this.#tls,
      ...(signal && { signal }),
    });
    sent.on('socket', (socket) => this.#count(socket));
    const answered = once(sent, 'response');
    // A refused body is not read to its end; the answer tells.
    sent.on('error', () => undefined);
    sent.end(body);
    const [answer] = (await answered) as [AsyncIterable<Buffer> & { statusCode: number; headers: object }];
    return toAnswer(answer.statusCode, answer.headers, await textOf(answer));
  }

  #count(socket: Socket): void {
    if (socket.connecting) socket.once('secureConnect', () => (this.connections += 1));
  }

  async #sendHttp2(message: Message): Promise<HttpAnswer> {
    try {
      return await this.#sendOnce(message);
    } catch (error) {
      // The service has said that it takes no more here, and has done nothing: every client asks elsewhere, RFC 9113, 8.7.
      if (!String(error).includes('NGHTTP2_REFUSED_STREAM')) throw error;
      this.#session?.close();
      return this.#sendOnce(message);
    }
  }

  async #sendOnce({ path, method, headers, body, signal }: Message): Promise<HttpAnswer> {
    const stream = this.session().request(
      { ':method': method, ':path': path, ...headers },
      { endStream: false, ...(signal && { signal }) },
    );
    const answered = once(stream, 'response');
    stream.end(body);
    const [{ ':status': status, ...received }] = (await answered) as [OutgoingHttpHeaders];
    return toAnswer(Number(status), received, await textOf(stream));
  }
}

/** gRPC calls over TLS. */
export function tlsGrpcClient(
  address: string,
  { ca, client, servername = 'localhost' }: TlsTestOptions,
): GrpcTestClient {
  const [key, cert] = client ? [Buffer.from(client.key), Buffer.from(client.cert)] : [null, null];
  // A host, unlike an address, can be asked for by SNI.
  const options = { 'grpc.ssl_target_name_override': servername };
  return new GrpcTestClient(address, options, credentials.createSsl(Buffer.from(ca), key, cert));
}

interface Message {
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | null | undefined;
}

async function textOf(answer: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function toAnswer(status: number, received: object, text: string): HttpAnswer {
  const headers = new Headers();
  for (const [name, value] of Object.entries(received)) headers.append(name, String(value));
  const isJson = text !== '' && /json/.test(headers.get('content-type') ?? '');
  return { status, headers, body: isJson ? JSON.parse(text) : text };
}
