export { captureGrpcLog } from './grpc-log.js';
export { GrpcServer } from './grpc.server.js';
export { Rpc, type RpcDefinition } from './rpc.decorator.js';
export { serveHealth, serveReflection } from './standard-services.js';
export { toRpcStatus } from './status.js';
