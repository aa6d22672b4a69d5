import type { ClientCertificate } from '../context/index.js';

const CERTIFICATE = Symbol('chassis.client-certificate');

interface Shown {
  [CERTIFICATE]?: ClientCertificate | undefined;
}

/**
 * The certificate that the client of a connection has shown and that was verified; `undefined` when it showed none.
 * @param connection the TLS socket of HTTP/1.1, the session of HTTP/2
 */
export function clientCertificateOf(connection: object | undefined): ClientCertificate | undefined {
  const shown: Shown | undefined = connection;
  return shown?.[CERTIFICATE];
}

/** Keeps it with the connection, so that calls only read it. */
export function noteClientCertificate(connection: object, certificate: ClientCertificate): void {
  const shown: Shown = connection;
  shown[CERTIFICATE] = certificate;
}
