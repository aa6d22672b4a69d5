import type { Config } from '../config/index.js';
import { StartError } from '../errors/index.js';
import { pathsOf } from './tls-files.js';

/** What no key says for itself. @throws {StartError} with every fault */
export function checkKeys(config: Config): void {
  const faults = [...faultsOfPairs(config), ...faultsOfClientAuth(config)];
  if (faults.length > 0) throw new StartError(`TLS cannot start: ${faults.join('; ')}.`);
}

function faultsOfPairs(config: Config): string[] {
  const faults: string[] = [];
  const [certificates, keys] = [pathsOf(config, 'TLS_CERT_FILE'), pathsOf(config, 'TLS_KEY_FILE')];
  if (certificates.length !== keys.length)
    faults.push(
      `TLS_CERT_FILE names ${certificates.length} and TLS_KEY_FILE ${keys.length}: give each certificate its key, in the same order`,
    );
  if (config.get('TLS_HTTP') === 'false' && config.get('TLS_GRPC') === 'false')
    faults.push('TLS_HTTP and TLS_GRPC are both false: remove TLS_CERT_FILE, or one of them');
  return faults;
}

function faultsOfClientAuth(config: Config): string[] {
  const faults: string[] = [];
  const mode = config.get('TLS_CLIENT_AUTH');
  const hasAuthority = config.get('TLS_CLIENT_CA_FILE') !== '';
  if (mode !== 'none' && !hasAuthority)
    faults.push(
      `TLS_CLIENT_AUTH=${mode} needs TLS_CLIENT_CA_FILE: without it no certificate could be verified`,
    );
  if (mode === 'none' && hasAuthority)
    faults.push('TLS_CLIENT_CA_FILE is set and TLS_CLIENT_AUTH is none: set it to request or require');
  if (config.get('TLS_CLIENT_CRL_FILE') !== '' && !hasAuthority)
    faults.push('TLS_CLIENT_CRL_FILE needs TLS_CLIENT_CA_FILE');
  return faults;
}
