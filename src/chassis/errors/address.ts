/** Where something listens, with the brackets that an IPv6 address needs before a port. */
export function formatAddress(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
