import type { GrpcClientOptions } from './grpc-client.js';
import type { HttpClientOptions } from './http-client.js';

/** @throws {TypeError} naming the client, the option that is not valid and what it must be */
export function checkHttpOptions(options: HttpClientOptions): void {
  const { name, baseUrl, timeoutMs, ...counts } = options;
  const { protocol, username, password, search, hash } = URL.parse(baseUrl) ?? {};
  if (protocol !== 'http:' && protocol !== 'https:')
    refuse(name, 'baseUrl', 'a URL that begins with http:// or https://');
  if (options.tls && protocol === 'http:')
    refuse(name, 'baseUrl', 'a URL that begins with https://, since there is tls');
  // They would be left out of every request.
  if (username || password || search || hash)
    refuse(name, 'baseUrl', 'without user, password, query and fragment');
  checkTimeout(name, timeoutMs);
  const times = ['keepAliveMs', 'maxConnectionAgeMs', 'connectTimeoutMs'] as const;
  checkCounts(name, counts, ['maxConnections', ...times, 'maxAnswerBytes']);
}

/** @throws {TypeError} naming the client, the option that is not valid and what it must be */
export function checkGrpcOptions(options: GrpcClientOptions): void {
  const { name, target, timeoutMs, ...counts } = options;
  // grpc-js takes a URL for the name of a host that it never finds.
  if (target === '' || /^https?:/i.test(target))
    refuse(name, 'target', 'host:port, or a name such as dns:///host:port');
  checkTimeout(name, timeoutMs);
  checkCounts(name, counts, ['connections', 'keepAliveMs', 'maxAnswerBytes']);
}

/** A function is asked for each call; `Infinity` is no limit of the client's own. */
function checkTimeout(client: string, timeoutMs: HttpClientOptions['timeoutMs']): void {
  if (timeoutMs === undefined || typeof timeoutMs === 'function' || timeoutMs >= 1) return;
  refuse(client, 'timeoutMs', 'a function, or at least 1');
}

function checkCounts<Options extends object>(
  client: string,
  options: Options,
  names: readonly (keyof Options & string)[],
): void {
  for (const name of names) {
    const value: unknown = options[name];
    if (value !== undefined && !(Number.isInteger(value) && (value as number) >= 1))
      refuse(client, name, 'a whole number from 1 on');
  }
}

function refuse(client: string, option: string, allowed: string): never {
  throw new TypeError(`Client "${client}": ${option} must be ${allowed}`);
}
