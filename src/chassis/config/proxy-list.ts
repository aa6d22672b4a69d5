import { isIP } from 'node:net';
import { listOf } from './list-of.js';

/** A block of addresses. */
export interface Subnet {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Words that stand for blocks. Sources: RFC 1122 and RFC 4291 (loopback), RFC 1918 and RFC 4193 (private). */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Whether `parseProxyList` understands every entry. */
export function isProxyList(text: string): boolean {
  return parseProxyList(text) !== undefined;
}

/** The blocks of a list such as `loopback, 10.1.0.0/16, 2001:db8::7`; `undefined` when an entry is none. */
export function parseProxyList(text: string): readonly Subnet[] | undefined {
  const entries = listOf(text).flatMap((entry) => WORDS[entry] ?? [entry]);
  const subnets = entries.map(parseSubnet);
  return subnets.every((subnet) => subnet !== undefined) ? subnets : undefined;
}

/** A prefix of 0 would believe everybody. */
function parseSubnet(entry: string): Subnet | undefined {
  const [address = '', length, ...rest] = entry.split('/');
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : 0;
  if (version === 0 || address.includes('%') || rest.length > 0 || prefix < 1 || prefix > bits)
    return undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}
