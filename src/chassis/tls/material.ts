import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Config } from '../config/index.js';
import { checkPair, parseCertificates, TlsFileError, type ServerIdentity } from './check-pair.js';
import { contextOptions } from './context-options.js';
import { pathsOf, type FileKey, type ReadFile } from './tls-files.js';

/** All that handshakes need, checked as a whole. */
export interface TlsMaterial {
  /** The first serves clients that name no host or an unknown one. */
  readonly identities: readonly ServerIdentity[];
  /** For `tls.createSecureContext`, one for each identity. */
  readonly options: readonly SecureContextOptions[];
}

/** @throws {AggregateError} of `TlsFileError`s: every fault together */
export function checkMaterial(config: Config, files: readonly ReadFile[]): TlsMaterial {
  const faults = files
    .filter(({ fault }) => fault !== undefined)
    .map(
      (file) => new TlsFileError(file, `cannot be read (${file.fault}): check the path and its permissions`),
    );
  if (faults.length > 0) throw new AggregateError(faults);
  const textOf = (key: FileKey) => files.find((file) => file.key === key)?.text;
  const passphrase = textOf('TLS_KEY_PASSPHRASE_FILE')?.trimEnd();
  const identities = collect(faults, files, passphrase);
  attempt(faults, () => checkAuthorities(files));
  if (faults.length > 0) throw new AggregateError(faults);
  const [ca, crl] = [textOf('TLS_CLIENT_CA_FILE'), textOf('TLS_CLIENT_CRL_FILE')];
  const options = identities.map((identity) => contextOptions(config, identity, { passphrase, ca, crl }));
  for (const [index, { file }] of identities.entries()) tryOut(config, file, options[index]);
  return { identities, options };
}

function collect(
  faults: Error[],
  files: readonly ReadFile[],
  passphrase: string | undefined,
): ServerIdentity[] {
  const keys = files.filter(({ key }) => key === 'TLS_KEY_FILE');
  const identities: ServerIdentity[] = [];
  for (const [index, file] of files.filter(({ key }) => key === 'TLS_CERT_FILE').entries()) {
    const keyFile = keys[index];
    if (keyFile) attempt(faults, () => identities.push(checkPair(file, keyFile, passphrase)));
  }
  return identities;
}

function checkAuthorities(files: readonly ReadFile[]): void {
  const file = files.find(({ key }) => key === 'TLS_CLIENT_CA_FILE');
  if (!file) return;
  const authorities = parseCertificates(file);
  if (authorities.every(({ validToDate }) => validToDate < new Date()))
    throw new TlsFileError(file, 'has only authorities that have expired: no client could be verified');
}

/** OpenSSL has the last word: keys that are too short, revocation lists or ciphers that it cannot read. */
function tryOut(config: Config, path: string, options: SecureContextOptions | undefined): void {
  try {
    createSecureContext(options);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    const fault = `is refused by OpenSSL: ${message}`;
    throw new AggregateError([explain(config, path, code, fault)], fault, { cause: error });
  }
}

function explain(config: Config, path: string, code: string | undefined, fault: string): Error {
  if (code === 'ERR_SSL_NO_CIPHER_MATCH') return new Error('TLS_CIPHERS names no cipher that OpenSSL knows');
  const [crl] = pathsOf(config, 'TLS_CLIENT_CRL_FILE');
  if (crl !== undefined && /CRL/i.test(fault))
    return new TlsFileError({ key: 'TLS_CLIENT_CRL_FILE', path: crl }, fault);
  return new TlsFileError({ key: 'TLS_CERT_FILE', path }, fault);
}

function attempt(faults: Error[], work: () => unknown): void {
  try {
    work();
  } catch (error) {
    faults.push(error as Error);
  }
}
