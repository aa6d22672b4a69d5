/** Nest calls them at the start and the end of the service, and `then` while it waits for an instance. */
const CALLED_BY_NEST = new Set([
  'then',
  'onModuleInit',
  'onModuleDestroy',
  'onApplicationBootstrap',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
]);

/** A method of a client: `getPayment`; `callThen` and `callToString` where the name has a meaning for others. */
export function methodName(name: string): string {
  const isTaken = CALLED_BY_NEST.has(name) || name in Object.prototype;
  return isTaken ? `call${name.charAt(0).toUpperCase()}${name.slice(1)}` : name;
}
