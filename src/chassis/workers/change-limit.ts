import type { Config } from '../config/index.js';

/** For what needs no waiting, on a busy machine, in milliseconds. */
const MARGIN_MS = 5000;

/**
 * Longest time that a worker takes for a change, in milliseconds. One of the configuration may ask every member of a
 * store and get every part ready, after another one that does the same, such as that of a signal or of a source.
 */
export function changeLimitMs(config: Config): number {
  const members = config.get('ETCD_ENDPOINTS').split(',').length;
  const oneMs = members * config.get('CONFIG_SOURCE_TIMEOUT_MS') + config.get('CONFIG_PREPARE_TIMEOUT_MS');
  return 2 * oneMs + MARGIN_MS;
}
