export { ClientsModule } from './clients.module.js';
export type { ClientTls } from './client-tls.js';
export type { GrpcChannelOptions } from './grpc-channel.js';
export {
  GrpcClient,
  type GrpcCallOptions,
  type GrpcClientOptions,
  type RpcRequest,
  type RpcResponse,
} from './grpc-client.js';
export { GrpcClients, type NamedGrpcClientOptions } from './grpc-clients.js';
export type { HttpAnswer } from './http-answer.js';
export { HttpClient, type HttpClientOptions, type HttpConnections } from './http-client.js';
export { HttpClients, type NamedHttpClientOptions } from './http-clients.js';
export type { HttpPoolOptions } from './http-pool.js';
export type { HttpClientRequest } from './http-request.js';
export type { OpenApiOperation, OperationAnswer, OperationInput } from './openapi-types.js';
export { UpstreamError } from './upstream-error.js';
