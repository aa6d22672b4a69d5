export { CallContext, MAX_TIMER_MS } from './call-context.js';
export { CallObservers, type Call, type CallObserver } from './call-observers.js';
export { callState, CallState } from './call-state.js';
export {
  currentCall,
  currentLimits,
  currentScope,
  disturbanceOf,
  runInCall,
  runInScope,
} from './call-store.js';
export { parseGrpcTimeout, parseTimeoutMs, TIMEOUT_HEADER } from './deadline.js';
export { durationBucketOf, DURATION_BUCKETS_SECONDS, nameBucket } from './duration-buckets.js';
export { ExpiryQueue } from './expiry-queue.js';
export { GrpcCall, UNKNOWN_RPC } from './grpc-call.js';
export { HttpCall, UNKNOWN_METHOD, UNKNOWN_ROUTE } from './http-call.js';
export type { Limits } from './limits.js';
export { matcherOf, matcherOfText, type CallPatterns } from './match-calls.js';
export { Interference, type Cut, type Disturbance } from './interference.js';
export { JobCall } from './job-call.js';
export type { OpenCalls } from './open-calls.js';
export { OwnSpanContext, spanOf, traceOf } from './own-span-context.js';
export type { ClientCertificate, Principal } from './principal.js';
export { PRIORITIES, PRIORITY_HEADER, type Priority } from './priority.js';
export { newSpanId, newTraceId, type RandomId } from './random-id.js';
export { acceptRequestId, REQUEST_ID_HEADER } from './request-id.js';
export { Scope } from './scope.js';
