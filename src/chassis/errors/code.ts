/**
 * The canonical codes and their numbers on the gRPC wire, the only codes in the service.
 * Source: google.rpc.Code, https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
 */
export const GRPC_CODES = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** A canonical code other than OK. */
export type Code = keyof typeof GRPC_CODES;

const NAMES = new Map<number, Code>(
  Object.entries(GRPC_CODES).map(([name, number]) => [number, name as Code]),
);

/** The name of a number on the wire; `UNKNOWN` for one that no code has. */
export function codeOfNumber(number: number): Code | 'OK' {
  return number === 0 ? 'OK' : (NAMES.get(number) ?? 'UNKNOWN');
}
