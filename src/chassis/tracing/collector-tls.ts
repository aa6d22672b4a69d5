import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { readRegularFile, type Config } from '../config/index.js';
import { StartError } from '../errors/index.js';

const CERTIFICATE = 'OTEL_EXPORTER_OTLP_CERTIFICATE';
const CLIENT_KEY = 'OTEL_EXPORTER_OTLP_CLIENT_KEY';
const CLIENT_CERTIFICATE = 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE';
type Key = typeof CERTIFICATE | typeof CLIENT_KEY | typeof CLIENT_CERTIFICATE;

/** What the collector is asked with over TLS. @throws {StartError} for files that cannot be used, by their keys */
export function openCollectorTls(config: Config): SecureContext {
  if ((config.get(CLIENT_KEY) === '') !== (config.get(CLIENT_CERTIFICATE) === ''))
    throw new StartError(`${CLIENT_KEY} and ${CLIENT_CERTIFICATE} go together: set both or neither.`);
  const ca = use(config, CERTIFICATE, (pem) => {
    // OpenSSL takes a file without a certificate, and trusts nobody.
    void new X509Certificate(pem);
    return { ca: pem };
  });
  const cert = use(config, CLIENT_CERTIFICATE, (pem) => checked({ cert: pem }));
  const pair = use(config, CLIENT_KEY, (pem) => checked({ ...cert, key: pem }));
  return createSecureContext({ ...ca, ...pair });
}

function use<Part extends object>(config: Config, key: Key, take: (pem: Buffer) => Part): Part | undefined {
  const path = config.get(key);
  if (path === '') return undefined;
  try {
    return take(readRegularFile(path));
  } catch (error) {
    throw new StartError(`${key} cannot be used: ${(error as Error).message}. Check the file ${path}.`, {
      cause: error,
    });
  }
}

/** @throws what OpenSSL says against it, such as of a key that is of another certificate */
function checked<Part extends object>(part: Part): Part {
  createSecureContext(part);
  return part;
}
