import { BlockList, isIPv6 } from 'node:net';
import { parseProxyList, type Config } from '../config/index.js';

/** The addresses whose word about a call's origin is believed, from TRUSTED_PROXIES. */
export class TrustedProxies {
  readonly #blocks = new BlockList();
  readonly #isEmpty: boolean;

  constructor(config: Config) {
    const subnets = parseProxyList(config.get('TRUSTED_PROXIES')) ?? [];
    for (const { address, prefix, family } of subnets) this.#blocks.addSubnet(address, prefix, family);
    this.#isEmpty = subnets.length === 0;
  }

  /** `ip` as `normalizeIp` gives it. */
  trusts(ip: string): boolean {
    return !this.#isEmpty && this.#blocks.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4');
  }
}
