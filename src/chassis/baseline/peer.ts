import { normalizeIp } from './normalize-ip.js';
import type { TrustedProxies } from './trusted-proxies.js';

const PEER = Symbol('chassis.peer');

/** What a peer is known by; a socket of Node's has it. */
interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  readonly encrypted?: boolean;
}

/** An answer of HTTP/1.1, as Node has it. */
interface Answer {
  shouldKeepAlive: boolean;
}

/** Who is at the other end of a connection; found out once for each. */
export class Peer {
  /** Calls of the connection that have not ended. */
  openCalls = 0;
  #isNew = true;
  #last: Answer | undefined;

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

  /** The connection ends with this answer, unless others are waited for: Node drops those behind one that says so. */
  endWith(answer: Answer): void {
    const isOnly = this.openCalls === 1;
    // The one before, where it has not begun. What the client itself has asked to be the last stays it.
    if (this.#last) this.#last.shouldKeepAlive = true;
    this.#last = isOnly && answer.shouldKeepAlive ? answer : undefined;
    if (isOnly) answer.shouldKeepAlive = false;
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
