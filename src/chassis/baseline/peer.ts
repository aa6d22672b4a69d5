import { normalizeIp } from './normalize-ip.js';
import type { TrustedProxies } from './trusted-proxies.js';

const PEER = Symbol('chassis.peer');

/** What a peer is known by; a socket of Node's has it. */
interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  readonly encrypted?: boolean;
}

/** Who is at the other end of a connection; found out once for each. */
export class Peer {
  /** Calls of the connection that have not ended. */
  openCalls = 0;
  #isNew = true;

  constructor(
    /** Its address, normalised; `undefined` where it has none, as on a Unix socket. */
    readonly ip: string | undefined,
    /** One of TRUSTED_PROXIES. */
    readonly isTrusted: boolean,
    /** The connection is TLS. */
    readonly isTls: boolean,
  ) {}

  /** A call comes in. @returns whether it is the first of the connection */
  takesFirst(): boolean {
    const isFirst = this.#isNew;
    this.#isNew = false;
    return isFirst;
  }
}

/** The peer of a connection: of a socket, or of an HTTP/2 session, whose own socket is slow to ask. */
export function peerOf(
  connection: object,
  socketOf: (connection: never) => PeerSocket,
  proxies: TrustedProxies,
): Peer {
  const known = connection as { [PEER]?: Peer };
  return (known[PEER] ??= meet(socketOf(connection as never), proxies));
}

function meet({ remoteAddress, encrypted }: PeerSocket, proxies: TrustedProxies): Peer {
  const [address = ''] = remoteAddress?.split('%', 1) ?? [];
  const ip = normalizeIp(address);
  return new Peer(ip, ip !== undefined && proxies.trusts(ip), encrypted === true);
}
