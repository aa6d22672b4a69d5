export { CallContext, type TransportName } from './call-context.js';
export { CallObservers, type Call, type CallObserver } from './call-observers.js';
export { currentCall, currentScope, runInCall, runInScope } from './call-store.js';
export { parseGrpcTimeout, parseTimeoutMs } from './deadline.js';
export { durationBucketOf, DURATION_BUCKETS_SECONDS, nameBucket } from './duration-buckets.js';
export { GrpcCall, UNKNOWN_RPC } from './grpc-call.js';
export { HttpCall, UNKNOWN_ROUTE } from './http-call.js';
export { acceptRequestId, REQUEST_ID_HEADER } from './request-id.js';
export { Scope } from './scope.js';
