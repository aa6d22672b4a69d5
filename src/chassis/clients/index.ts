export { GrpcClient, type GrpcClientOptions, type RpcRequest, type RpcResponse } from './grpc-client.js';
export { HttpClient, type HttpClientOptions, type HttpClientRequest } from './http-client.js';
export type { OpenApiOperation, OperationAnswer, OperationInput } from './openapi-types.js';
export { UpstreamError } from './upstream-error.js';
