import type { Contracts } from '../contracts.ts';
import { readAllowedDrift, type AllowedDrift } from './allowed-drift.ts';
import { compareOperation } from './compare-shapes.ts';
import { grpcShape } from './grpc-shape.ts';
import { operationIdOf, pairOperations } from './operations.ts';
import { restShape } from './rest-shape.ts';

export interface Fault {
  readonly operation: string;
  readonly field?: string | undefined;
  readonly problem: string;
}

export interface Drift {
  /** Operations that both transports have. */
  readonly shared: number;
  /** What differs and is not allowed, and what is allowed but does not differ. */
  readonly faults: readonly Fault[];
  /** What differs and is allowed. */
  readonly allowed: readonly AllowedDrift[];
}

/** Where REST and gRPC have drifted apart, less what `src/features/<name>/drift.json` gives a reason for. */
export function findDrift(contracts: Contracts, root: string): Drift {
  const { pairs, onlyRest, onlyRpc } = pairOperations(contracts);
  const found: Fault[] = [
    ...pairs.flatMap(({ rest, rpc }) =>
      compareOperation(restShape(contracts.openApi, rest), grpcShape(rpc)).map((difference) => ({
        operation: operationIdOf(rpc),
        ...difference,
      })),
    ),
    ...onlyRest.map(({ operationId = '' }) => ({ operation: operationId, problem: 'only in REST' })),
    ...onlyRpc.map((rpc) => ({ operation: operationIdOf(rpc), problem: 'a unary rpc only in gRPC' })),
  ];
  const entries = readAllowedDrift(root);
  const faults = found.filter((fault) => !entries.some((entry) => isSame(entry, fault)));
  const allowed = entries.filter((entry) => found.some((fault) => isSame(entry, fault)));
  const stale = entries
    .filter((entry) => !allowed.includes(entry))
    .map(({ file, ...entry }) => ({ ...entry, problem: `no longer differs: take its entry out of ${file}` }));
  return { shared: pairs.length, faults: [...faults, ...stale], allowed };
}

function isSame(one: Omit<Fault, 'problem'>, other: Omit<Fault, 'problem'>): boolean {
  return one.operation === other.operation && one.field === other.field;
}
