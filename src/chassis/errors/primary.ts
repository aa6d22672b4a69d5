// The face for the primary process, which loads no container, and for whatever it loads.
export { formatAddress } from './address.js';
export { bind } from './bind.js';
export { GRPC_CODES, type Code } from './code.js';
export { callCancelled, deadlineExceeded } from './faults.js';
export { toProblem } from './problem.js';
export { assertSendable } from './sendable.js';
export { ServiceError } from './service-error.js';
export { StartError } from './start-error.js';
export { whyOf } from './why-of.js';
