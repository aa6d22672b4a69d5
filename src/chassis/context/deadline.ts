const GRPC_TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const GRPC_UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};
const TIMEOUT_MS = /^\d{1,10}$/;

/**
 * Milliseconds of a `grpc-timeout` value, `undefined` when it is malformed.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md ("Timeout")
 */
export function parseGrpcTimeout(value: string): number | undefined {
  const match = GRPC_TIMEOUT.exec(value);
  if (!match) return undefined;
  return Number(match[1]) * (GRPC_UNIT_MS[match[2] as string] as number);
}

/** Says on REST how long the caller waits, in whole milliseconds. */
export const TIMEOUT_HEADER = 'x-request-timeout-ms';

/** Milliseconds of an `x-request-timeout-ms` value (1–10 digits), `undefined` when it is malformed. */
export function parseTimeoutMs(value: string): number | undefined {
  return TIMEOUT_MS.test(value) ? Number(value) : undefined;
}
