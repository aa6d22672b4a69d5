import type { X509Certificate } from 'node:crypto';
import type { ClientCertificate } from '../context/index.js';
import { alternativeNames } from './alternative-names.js';

/** What calls learn of the certificate that their client has shown. */
export function describeClientCertificate(certificate: X509Certificate): ClientCertificate {
  const names = alternativeNames(certificate.subjectAltName);
  const { CN } = certificate.toLegacyObject().subject;
  return {
    subject: oneLine(certificate.subject),
    // One of several names may be what the client wanted to be taken for.
    commonName: typeof CN === 'string' ? CN : undefined,
    uris: names.filter(({ type }) => type === 'URI').map(({ value }) => value),
    dnsNames: names.filter(({ type }) => type === 'DNS').map(({ value }) => value),
    fingerprint: fingerprintOf(certificate),
    expiresAt: certificate.validToDate.getTime(),
  };
}

/** SHA-256, lower-case hexadecimal without separators. */
export function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

/** Node has one part a line, the most general first; RFC 4514 has it the other way round, with commas. */
export function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').filter(Boolean).toReversed().join(',');
}
