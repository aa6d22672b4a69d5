import type { ClientCertificate, Principal } from '../context/index.js';
import type { Authenticator, Verdict } from './authenticator.js';
import type { IdentityEntry } from './grants.schema.js';
import { CERTIFICATE_EXPIRED, CERTIFICATE_NOT_ACCEPTED } from './refusal.js';

/** What of a certificate is the caller's name. */
export type CertificateName = 'uri' | 'dns' | 'common-name';

/** Where the entries are; a new object whenever they change. */
interface IdentitySource {
  readonly content: { readonly identities: readonly IdentityEntry[] };
}

/**
 * Clients by their certificate, which TLS has checked. With a list only who stands there is a caller;
 * without one every certificate is, with neither scopes nor roles. A certificate is looked at once.
 */
export class MtlsAuthenticator implements Authenticator<ClientCertificate> {
  #content: IdentitySource['content'] | undefined;
  #verdicts = new WeakMap<ClientCertificate, Verdict>();

  constructor(
    private readonly name: CertificateName,
    private readonly source: IdentitySource | undefined,
  ) {}

  authenticate(certificate: ClientCertificate): Verdict {
    // TLS has looked when the connection was opened.
    if (Date.now() >= certificate.expiresAt) return CERTIFICATE_EXPIRED;
    const content = this.source?.content;
    if (content !== this.#content) {
      this.#content = content;
      this.#verdicts = new WeakMap();
    }
    let verdict = this.#verdicts.get(certificate);
    if (verdict === undefined) {
      verdict = this.#identify(certificate) ?? CERTIFICATE_NOT_ACCEPTED;
      this.#verdicts.set(certificate, verdict);
    }
    return verdict;
  }

  #identify(certificate: ClientCertificate): Principal | undefined {
    const names = namesOf(certificate, this.name);
    if (!this.#content) return names[0] === undefined ? undefined : toPrincipal(certificate, names[0]);
    const entry = this.#content.identities.find(({ identity }) => names.includes(identity));
    return entry && toPrincipal(certificate, entry.identity, entry);
  }
}

function namesOf(
  { uris, dnsNames, commonName }: ClientCertificate,
  name: CertificateName,
): readonly string[] {
  switch (name) {
    case 'uri':
      // A certificate of two workloads is one of neither: https://spiffe.io, X509-SVID, section 2.
      return uris.length === 1 ? uris : [];
    case 'dns':
      return dnsNames;
    case 'common-name':
      return commonName === undefined ? [] : [commonName];
    default: {
      const unknown: never = name;
      throw new TypeError(`No such name in a certificate: ${String(unknown)}`);
    }
  }
}

function toPrincipal(certificate: ClientCertificate, id: string, entry?: IdentityEntry): Principal {
  const { subject, fingerprint } = certificate;
  return {
    id,
    scheme: 'mtls',
    scopes: new Set(entry?.scopes),
    roles: new Set(entry?.roles),
    tenant: entry?.tenant,
    claims: Object.freeze({ subject, fingerprint }),
  };
}
