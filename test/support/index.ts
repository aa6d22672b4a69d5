export { eventually } from './eventually.js';
export { decodeFailure, failureOf, type GrpcFailure, type GrpcOptions } from './grpc-test-client.js';
export { holdTable } from './hold-table.js';
export type { HttpAnswer } from './http-test-client.js';
export { order, ProbeModule, Probes, ProbeService } from './probe.js';
export { SHAPES, type Outcome, type Shape } from './shapes.js';
export { TestApp, type TestAppOptions } from './test-app.js';
export { FreezingProxy } from './freezing-proxy.js';
export { freePorts, Haproxy, type Backend } from './haproxy.js';
