export { CallContext, type TransportName } from './call-context.js';
export { currentCall, runInCall } from './call-store.js';
export { parseGrpcTimeout, parseTimeoutMs } from './deadline.js';
export { acceptRequestId, REQUEST_ID_HEADER } from './request-id.js';
