import type { Config } from '../config/index.js';
import type { ServerTls } from './server-tls.js';

/**
 * TLS for the public ports; `undefined` without `TLS_CERT_FILE`, and then nothing of it is loaded.
 * @throws {StartError} with everything that is wrong with the keys and the files
 */
export async function openTls(config: Config): Promise<ServerTls | undefined> {
  if (config.get('TLS_CERT_FILE') === '') {
    await refuseLeftovers(config);
    return undefined;
  }
  const { ServerTls } = await import('./server-tls.js');
  return ServerTls.open(config);
}

/** A service that was meant to speak TLS must not start without. */
async function refuseLeftovers(config: Config): Promise<void> {
  const keys = [
    'TLS_KEY_FILE',
    'TLS_KEY_PASSPHRASE_FILE',
    'TLS_CLIENT_CA_FILE',
    'TLS_CLIENT_CRL_FILE',
  ] as const;
  const set = keys.filter((key) => config.get(key) !== '');
  const wants = [...set, ...(config.get('TLS_CLIENT_AUTH') === 'none' ? [] : ['TLS_CLIENT_AUTH'])];
  if (wants.length === 0) return;
  const { StartError } = await import('../errors/index.js');
  throw new StartError(
    `TLS is not complete: ${wants.join(', ')} without TLS_CERT_FILE. Set TLS_CERT_FILE and TLS_KEY_FILE, or remove the others.`,
  );
}
