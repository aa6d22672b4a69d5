export { bind } from './bind.js';
export { codeOfNumber, GRPC_CODES, type Code } from './code.js';
export { CodedError } from './coded-error.js';
export { callCancelled, deadlineExceeded, internalError, shuttingDown, validationFailed } from './faults.js';
export { codeOfHttpStatus, httpStatusOf } from './http-status.js';
export { toProblem, type Problem } from './problem.js';
export { ServiceError, type FieldViolation, type ServiceErrorOptions } from './service-error.js';
export { StartError } from './start-error.js';
export { toServiceError } from './to-service-error.js';
