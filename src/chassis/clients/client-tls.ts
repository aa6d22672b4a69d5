import { Logger } from '@nestjs/common';
import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { readRegularFile } from '../config/index.js';
import { StartError } from '../errors/index.js';

/** Certificates of a client, as PEM files. New connections have what the files hold then: nothing restarts. */
export interface ClientTls {
  /** Authorities that the other service's certificate may be of, instead of the system's. */
  readonly caFile: string;
  /** What this service identifies itself with, and its key. @default none */
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** What the files hold; while that is not valid, such as between the change of two of them, what they held before. */
export class ClientCertificates {
  readonly #logger = new Logger('Clients');
  #context: SecureContext;
  #fault = '';

  /** @throws {StartError} when the files are not complete, cannot be read, or OpenSSL refuses them */
  constructor(
    private readonly client: string,
    private readonly tls: ClientTls,
  ) {
    if ((tls.certFile === undefined) !== (tls.keyFile === undefined))
      throw new StartError(
        `Client "${client}": tls.certFile and tls.keyFile go together: give both or neither`,
      );
    try {
      this.#context = contextOf(tls);
    } catch (error) {
      const files = Object.values(tls).join(', ');
      throw new StartError(
        `Client "${client}": TLS cannot be set up from ${files}: ${(error as Error).message}; check the files`,
        { cause: error },
      );
    }
  }

  /** For one connection: the files are read anew, so that renewed certificates need nobody to tell of them. */
  read(): SecureContext {
    try {
      this.#context = contextOf(this.tls);
      this.#fault = '';
    } catch (error) {
      this.#tell(error as Error);
    }
    return this.#context;
  }

  /** Once, not for each connection. */
  #tell(error: Error): void {
    if (error.message === this.#fault) return;
    this.#fault = error.message;
    const { client } = this;
    const files = Object.values(this.tls);
    this.#logger.error(
      { client, files, err: error },
      'TLS files of a client are not valid; the former ones are in use',
    );
  }
}

function contextOf({ caFile, certFile, keyFile }: ClientTls): SecureContext {
  const ca = readRegularFile(caFile);
  // OpenSSL takes a file without a certificate, and trusts nobody.
  void new X509Certificate(ca);
  return createSecureContext({
    ca,
    ...(certFile && { cert: readRegularFile(certFile) }),
    ...(keyFile && { key: readRegularFile(keyFile) }),
  });
}
