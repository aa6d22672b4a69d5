export { limitConnections, RefusedConnections, type ConnectionLimitOptions } from './connection-limit.js';
export { clientIpOf, nearestOf } from './forwarded.js';
export { normalizeIp } from './normalize-ip.js';
export { OpenSockets } from './open-sockets.js';
export { Peer, peerOf } from './peer.js';
export { watchRefusedConnections } from './refused-connections.js';
export { SecurityHeaders } from './security-headers.js';
export { dropHopByHop, dropSpoofable, spoofableBy } from './spoofable-headers.js';
export { TrustedProxies } from './trusted-proxies.js';
