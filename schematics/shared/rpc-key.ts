import { camelCaseGrpc } from 'ts-proto/build/src/case.js';

/**
 * The property that an rpc of a .proto has in the generated code: `getUrl` of `GetURL`, `createB2COrder` of
 * `CreateB2cOrder`. ts-proto's own function, since its rules for acronyms and digits are nobody else's.
 */
export function rpcKey(name: string): string {
  return camelCaseGrpc(name);
}
