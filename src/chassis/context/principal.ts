/** Who makes a call, as an authenticator has proved it. */
export interface Principal {
  /** Stands in logs and spans: no secret, and no name of a person where the issuer gives none. */
  readonly id: string;
  /** What proved it. */
  readonly scheme: 'jwt' | 'api-key' | 'mtls';
  readonly scopes: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
  /** The customer it belongs to, where the proof names one. */
  readonly tenant: string | undefined;
  /** Everything that the proof says, such as the claims of a token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The certificate that a client has shown, checked against the configured authority. */
export interface ClientCertificate {
  /** Such as `CN=payments,O=Example`. */
  readonly subject: string;
  /** Common name of the subject, `undefined` when it has none. */
  readonly commonName: string | undefined;
  /** URIs among its alternative names, such as `spiffe://example.org/payments`. */
  readonly uris: readonly string[];
  /** DNS names among its alternative names. */
  readonly dnsNames: readonly string[];
  /** SHA-256 of the certificate, lower-case hexadecimal without separators. */
  readonly fingerprint: string;
  /** Epoch milliseconds; a connection may be open for longer. */
  readonly expiresAt: number;
}
