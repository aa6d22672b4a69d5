import type { Http2SecureServer } from 'node:http2';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { Config } from '../config/index.js';
import { StartError } from '../errors/index.js';
import type { MetricsRegistry } from '../metrics/index.js';
import { clientCertificateOf, noteClientCertificate } from './client-certificate.js';
import { checkKeys } from './check-keys.js';
import { Handshakes, type TlsTransport } from './handshakes.js';
import { checkMaterial, type TlsMaterial } from './material.js';
import { Reloads } from './reloads.js';
import { ServerNames } from './server-names.js';
import { digestOf, readFiles } from './tls-files.js';

/**
 * TLS of the public ports: one set of certificates for both, replaced while they serve when the files change. Open
 * connections keep what they have agreed on.
 */
export class ServerTls {
  readonly #servers = new Set<Http2SecureServer>();
  readonly #handshakes: Handshakes;
  readonly #reloads: Reloads;
  readonly #names = new ServerNames();
  #material: TlsMaterial;

  private constructor(
    private readonly config: Config,
    material: TlsMaterial,
    digest: string,
  ) {
    this.#material = material;
    this.#names.use(material);
    this.#handshakes = new Handshakes(this.asksForCertificates);
    this.#reloads = new Reloads(config, digest, (changed) => this.#replace(changed));
  }

  /** @throws {StartError} with all faults of the keys and of the files */
  static open(config: Config): ServerTls {
    checkKeys(config);
    const files = readFiles(config);
    try {
      return new ServerTls(config, checkMaterial(config, files), digestOf(files));
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error;
      const faults = (error.errors as Error[]).map(({ message }) => message).join('; ');
      throw new StartError(`TLS cannot start: ${faults}.`, { cause: error });
    }
  }

  /** Whether a transport is to be encrypted. */
  serves(transport: TlsTransport): boolean {
    return this.config.get(transport === 'http' ? 'TLS_HTTP' : 'TLS_GRPC') === 'true';
  }

  /** Whether connections may have a client certificate. */
  get asksForCertificates(): boolean {
    return this.config.get('TLS_CLIENT_AUTH') !== 'none';
  }

  /** The certificate that is in use for clients that name no host. */
  get contextOptions(): SecureContextOptions {
    return this.#material.options[0] ?? {};
  }

  /** For `http2.createSecureServer`. */
  get serverOptions(): TlsOptions {
    return {
      ...this.contextOptions,
      handshakeTimeout: this.config.get('TLS_HANDSHAKE_TIMEOUT_MS'),
      requestCert: this.asksForCertificates,
      // With `request` a client may come without a certificate; one that is not valid is refused by `Handshakes`.
      rejectUnauthorized: this.config.get('TLS_CLIENT_AUTH') === 'require',
      ...(this.#material.identities.length > 1 && { SNICallback: this.#names.pick }),
    };
  }

  /** Watches the handshakes of a server made with `serverOptions`, and gives it new certificates until it closes. */
  guard(server: Http2SecureServer, transport: TlsTransport): void {
    this.#handshakes.watch(server, transport);
    this.#servers.add(server);
    server.on('session', (session) => {
      const certificate = clientCertificateOf(session.socket);
      if (certificate) noteClientCertificate(session, certificate);
    });
    server.once('close', () => {
      this.#servers.delete(server);
      if (this.#servers.size === 0) this.#reloads.stop();
    });
  }

  /** Counts from now on, tells what is in use, and looks for changes. */
  start(registry: MetricsRegistry): void {
    this.#handshakes.countIn(registry);
    this.#reloads.start(registry, this.#material);
  }

  #replace(material: TlsMaterial): void {
    this.#material = material;
    this.#names.use(material);
    for (const server of this.#servers) server.setSecureContext(this.contextOptions);
  }
}
