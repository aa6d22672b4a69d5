import { Logger } from '@nestjs/common';
import type { X509Certificate } from 'node:crypto';
import type { Server, TLSSocket } from 'node:tls';
import type { Counter, MetricsRegistry } from '../metrics/index.js';
import { noteClientCertificate } from './client-certificate.js';
import { describeClientCertificate, fingerprintOf } from './describe-certificate.js';
import { resultOfFault, resultOfVerification, type HandshakeResult } from './handshake-result.js';
import { HANDSHAKES } from './tls.metrics.js';

/** Stands for the protocol of a handshake that did not come so far. */
const UNKNOWN = '(unknown)';
const NO_ALPN = 'none';

export type TlsTransport = 'http' | 'grpc';
type Listener = (socket: TLSSocket) => void;

/** Sees every handshake: counts it, tells of it at debug level, and lets nobody in whose certificate is not valid. */
export class Handshakes {
  readonly #logger = new Logger('Tls');
  #counter: Counter<typeof HANDSHAKES.labels> | undefined;

  /** @param asksForCertificates clients may show certificates */
  constructor(private readonly asksForCertificates: boolean) {}

  countIn(registry: MetricsRegistry): void {
    this.#counter = registry.counter(HANDSHAKES);
  }

  /** Stands before whatever the server does with a connection; after its own listeners are set. */
  watch(server: Server, transport: TlsTransport): void {
    const deliverTo = server.listeners('secureConnection') as Listener[];
    server.removeAllListeners('secureConnection');
    server.on('secureConnection', (socket) => {
      if (this.#admit(socket, transport)) for (const deliver of deliverTo) deliver.call(server, socket);
    });
    // HTTP/2's own listener would have it answered as a faulty HTTP request.
    server.removeAllListeners('tlsClientError');
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      this.#fail(socket, transport, error);
    });
  }

  #admit(socket: TLSSocket, transport: TlsTransport): boolean {
    const certificate = this.asksForCertificates ? socket.getPeerX509Certificate() : undefined;
    const authorizationError = verificationFaultOf(socket);
    if (certificate && authorizationError) {
      this.#tell(socket, transport, resultOfVerification(authorizationError), certificate);
      socket.destroy();
      return false;
    }
    if (certificate) noteClientCertificate(socket, describeClientCertificate(certificate));
    this.#tell(socket, transport, 'ok', certificate);
    return true;
  }

  #fail(socket: TLSSocket, transport: TlsTransport, error: NodeJS.ErrnoException): void {
    const authorizationError = verificationFaultOf(socket);
    // Node ends a connection whose certificate it refuses without saying why.
    const result = authorizationError ? resultOfVerification(authorizationError) : resultOfFault(error.code);
    this.#tell(socket, transport, result, undefined, error);
    socket.destroy();
  }

  #tell(
    socket: TLSSocket,
    transport: TlsTransport,
    result: HandshakeResult,
    certificate?: X509Certificate,
    error?: NodeJS.ErrnoException,
  ): void {
    const isThrough = error === undefined;
    const protocol = (isThrough && socket.getProtocol()) || UNKNOWN;
    const alpn = isThrough ? socket.alpnProtocol || NO_ALPN : UNKNOWN;
    this.#counter?.labels(protocol, alpn, result).inc();
    this.#logger.debug(
      {
        transport,
        result,
        protocol,
        alpn,
        sni: sniOf(socket),
        cipher: isThrough ? socket.getCipher().standardName : undefined,
        resumed: isThrough && socket.isSessionReused(),
        client_fingerprint: certificate && fingerprintOf(certificate),
        client_ip: socket.remoteAddress,
        fault: error?.code,
      },
      'tls handshake',
    );
  }
}

/** Node sets an error's name where its types promise an error. */
function verificationFaultOf({ authorizationError }: TLSSocket): string | undefined {
  return authorizationError ? String(authorizationError) : undefined;
}

function sniOf(socket: TLSSocket): string | undefined {
  const { servername } = socket as { servername?: string | false | null };
  return servername || undefined;
}
