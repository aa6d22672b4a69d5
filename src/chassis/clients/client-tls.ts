import { createSecureContext } from 'node:tls';
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

/** Contents of the files. */
export interface ClientTlsMaterial {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** @throws {Error} naming the file that cannot be read */
export function readTls({ caFile, certFile, keyFile }: ClientTls): ClientTlsMaterial {
  return {
    ca: readRegularFile(caFile),
    ...(certFile && { cert: readRegularFile(certFile) }),
    ...(keyFile && { key: readRegularFile(keyFile) }),
  };
}

/** @throws {StartError} when the files are not complete, cannot be read, or OpenSSL refuses them */
export function checkTls(client: string, tls: ClientTls): void {
  if ((tls.certFile === undefined) !== (tls.keyFile === undefined))
    throw new StartError(
      `Client "${client}": tls.certFile and tls.keyFile go together: give both or neither`,
    );
  try {
    createSecureContext(readTls(tls));
  } catch (error) {
    const files = Object.values(tls).join(', ');
    throw new StartError(
      `Client "${client}": TLS cannot be set up from ${files}: ${(error as Error).message}; check the files`,
      { cause: error },
    );
  }
}
