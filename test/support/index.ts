export { decodeFailure, failureOf, type GrpcFailure, type GrpcOptions } from './grpc-test-client.js';
export type { HttpAnswer } from './http-test-client.js';
export { TestApp, type TestAppOptions } from './test-app.js';
