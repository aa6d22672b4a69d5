import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { ReadFile } from './tls-files.js';

/** A certificate of the service with what belongs to it. */
export interface ServerIdentity {
  readonly file: string;
  readonly certificate: X509Certificate;
  /** PEM: the certificate, then its intermediates. */
  readonly chain: string;
  readonly key: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What is wrong with a file and what to do about it; `message` names its key. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';

  constructor({ key, path }: Pick<ReadFile, 'key' | 'path'>, fault: string) {
    super(`${key} (${path}) ${fault}`);
  }
}

/** @throws {TlsFileError} when the two do not make a certificate that clients would take now */
export function checkPair(
  certFile: ReadFile,
  keyFile: ReadFile,
  passphrase: string | undefined,
): ServerIdentity {
  const [certificate, ...others] = parseCertificates(certFile);
  const key = parseKey(keyFile, passphrase);
  if (others.length > 0 && certificate.ca)
    throw new TlsFileError(
      certFile,
      "must begin with the service's own certificate; an authority's stands there",
    );
  checkValidity(certFile, certificate);
  if (!certificate.checkPrivateKey(key))
    throw new TlsFileError(
      keyFile,
      `is not the key of the certificate in ${certFile.path}: replace both together`,
    );
  return { file: certFile.path, certificate, chain: certFile.text, key: keyFile.text };
}

/** All certificates of a PEM file. @throws {TlsFileError} when there is none, or one cannot be read */
export function parseCertificates(file: ReadFile): [X509Certificate, ...X509Certificate[]] {
  const blocks = file.text.match(CERTIFICATE) ?? [];
  try {
    const [first, ...others] = blocks.map((pem) => new X509Certificate(pem));
    if (first) return [first, ...others];
  } catch {
    throw new TlsFileError(file, 'has a certificate that cannot be read: it is damaged or cut short');
  }
  throw new TlsFileError(file, 'has no certificate: it must be PEM, "-----BEGIN CERTIFICATE-----"');
}

function parseKey(file: ReadFile, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: file.text, ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MISSING_PASSPHRASE' || /BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(file.text))
      throw new TlsFileError(
        file,
        'cannot be decrypted: TLS_KEY_PASSPHRASE_FILE is not set or has another passphrase',
      );
    throw new TlsFileError(file, 'has no private key: it must be PEM, "-----BEGIN PRIVATE KEY-----"');
  }
}

function checkValidity(file: ReadFile, { validFromDate, validToDate }: X509Certificate): void {
  const now = new Date();
  if (validToDate < now)
    throw new TlsFileError(file, `has expired on ${validToDate.toISOString()}: renew the certificate`);
  if (validFromDate > now)
    throw new TlsFileError(
      file,
      `is not valid before ${validFromDate.toISOString()}: wait, or correct the clock of this machine`,
    );
}
