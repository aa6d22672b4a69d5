export { watchGrpcConnections } from './connection-metrics.js';
export { captureGrpcLog } from './grpc-log.js';
export { GrpcServer } from './grpc.server.js';
export { Rpc, type RpcDefinition } from './rpc.decorator.js';
export { serveHealth } from './health-service.js';
export { serveReflection } from './reflection-service.js';
export { toRpcStatus } from './status.js';
