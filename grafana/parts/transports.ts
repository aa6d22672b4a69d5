import type { Calls } from './calls.ts';

/** The calls that the service answers over REST. */
export const REST: Calls = {
  name: 'REST',
  histogram: 'http_server_request_duration_seconds',
  outcome: 'http_response_status_code',
  faults: 'http_response_status_code=~"5..",http_response_status_code!="501"',
  target: 'http_route',
  targetName: 'route',
};

/** The calls that the service answers over gRPC; health checks and reflection are none of its users'. */
export const GRPC: Calls = {
  name: 'gRPC',
  histogram: 'rpc_server_call_duration_seconds',
  outcome: 'rpc_grpc_status_code',
  faults: 'rpc_grpc_status_code=~"UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS"',
  target: 'rpc_method',
  targetName: 'method',
  labels: 'rpc_service!~"grpc[.].+"',
};

/** The requests that the service makes with `fetch` and undici; without a status there was no answer. */
export const HTTP_CLIENT: Calls = {
  name: 'Outgoing HTTP',
  histogram: 'http_client_request_duration_seconds',
  outcome: 'http_response_status_code',
  faults: 'http_response_status_code=~"5..|"',
  target: 'server_address',
  targetName: 'server',
  isOutgoing: true,
};

/** The gRPC calls that the service makes. */
export const GRPC_CLIENT: Calls = {
  name: 'Outgoing gRPC',
  histogram: 'rpc_client_call_duration_seconds',
  outcome: 'rpc_grpc_status_code',
  faults: GRPC.faults,
  target: 'rpc_method',
  targetName: 'method',
  isOutgoing: true,
};
