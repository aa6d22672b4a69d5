import type { DescMethod } from '@bufbuild/protobuf';
import type { Contracts } from '../contracts.ts';
import { servicesIn } from '../descriptors.ts';
import { operationsOf, type LocatedOperation } from '../open-api.ts';

/** Contracts of others, which every service of the chassis has. */
const FOREIGN = /^(google|grpc)\./;

export interface Pair {
  readonly rest: LocatedOperation;
  readonly rpc: DescMethod;
}

export interface Operations {
  /** The same operation on both transports: `operationId: createOrder` and `rpc CreateOrder`. */
  readonly pairs: readonly Pair[];
  /** Beside a pair of the same tag, without an rpc of its own. */
  readonly onlyRest: readonly LocatedOperation[];
  /** Unary, beside a pair of the same service, without a REST operation of its own. */
  readonly onlyRpc: readonly DescMethod[];
}

/** Which operations are on both transports, and which should be because their neighbours are. */
export function pairOperations({ openApi, descriptors }: Contracts): Operations {
  const rpcs = rpcsOf(descriptors);
  const operations = operationsOf(openApi);
  const pairs = operations.flatMap((rest) => {
    const rpc = peerOf(rest, rpcs);
    return rpc ? [{ rest, rpc }] : [];
  });
  const tags = new Set(pairs.flatMap(({ rest }) => rest.tags ?? []));
  const services = new Set(pairs.map(({ rpc }) => rpc.parent));
  const isUnpaired = (one: LocatedOperation | DescMethod) =>
    !pairs.some(({ rest, rpc }) => rest === one || rpc === one);
  return {
    pairs,
    onlyRest: operations.filter((rest) => isUnpaired(rest) && rest.tags?.some((tag) => tags.has(tag))),
    onlyRpc: rpcs.filter((rpc) => isUnpaired(rpc) && services.has(rpc.parent) && rpc.methodKind === 'unary'),
  };
}

/** `CreateOrder` as an operation's id: `createOrder`. */
export function operationIdOf({ name }: DescMethod): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1);
}

/** Of rpcs with one name in several packages, the one whose version stands in the path. */
function peerOf(
  { operationId, path }: LocatedOperation,
  rpcs: readonly DescMethod[],
): DescMethod | undefined {
  const named = rpcs.filter((rpc) => operationIdOf(rpc) === operationId && rpc.methodKind === 'unary');
  const versions = new Set(path.split('/'));
  const isOfVersion = ({ parent }: DescMethod) =>
    versions.has(parent.file.proto.package.split('.').at(-1) ?? '');
  return named.length === 1 ? named[0] : named.find(isOfVersion);
}

function rpcsOf(descriptors: Buffer): DescMethod[] {
  const services = servicesIn(descriptors).filter(({ typeName }) => !FOREIGN.test(typeName));
  return services.flatMap(({ methods }) => methods);
}
