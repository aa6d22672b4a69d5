import { ServiceError } from '../errors/index.js';

/** Neither a feature nor a service of the chassis has it. */
export function unknownMethod(): ServiceError {
  return new ServiceError({
    code: 'UNIMPLEMENTED',
    reason: 'METHOD_NOT_FOUND',
    message: 'No service has this method; server reflection lists them',
  });
}

/** It came by a method of HTTP that is no call. */
export function methodNotAllowed(): ServiceError {
  return new ServiceError({
    code: 'UNIMPLEMENTED',
    reason: 'METHOD_NOT_ALLOWED',
    message: 'gRPC calls are POST requests',
  });
}

/** It is of another protocol. */
export function unsupportedMediaType(): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'gRPC calls have the content-type application/grpc',
  });
}

/** Its deadline cannot be read. */
export function malformedTimeout(): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'MALFORMED_DEADLINE',
    message: 'grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n',
  });
}

/** Its message cannot be read. A fault of the caller: gRPC's INTERNAL would count as the service's. */
export function malformedMessage(message: string, cause?: unknown): ServiceError {
  return new ServiceError({ code: 'INVALID_ARGUMENT', reason: 'MALFORMED_MESSAGE', message, cause });
}

/** Its message does not decompress. */
export function compressedWithout(): ServiceError {
  return malformedMessage('The message is marked as compressed, but the call has no grpc-encoding');
}

/** The byte before its length is neither 0 nor 1. */
export function unknownFlag(): ServiceError {
  return malformedMessage(
    'A message begins with 0, or with 1 if it is compressed; this one does with neither',
  );
}

/** The last message of a stream is not all there. */
export function incompleteMessage(): ServiceError {
  return malformedMessage('The request ends in the middle of a message');
}

/** Its messages are compressed in a way that nobody here reads. Source: gRPC's "Compression", "Specific Behavior". */
export function unsupportedEncoding(encoding: string): ServiceError {
  return new ServiceError({
    code: 'UNIMPLEMENTED',
    reason: 'UNSUPPORTED_ENCODING',
    message: `The service does not read messages in the encoding "${encoding.slice(0, 32)}"; it reads gzip and deflate`,
  });
}

/** Its message is larger than the service takes. */
export function messageTooLarge(message: string): ServiceError {
  return new ServiceError({ code: 'RESOURCE_EXHAUSTED', reason: 'BODY_TOO_LARGE', message });
}

/** A method that takes one message was sent another number of them. */
export function notOneMessage(message: string): ServiceError {
  return new ServiceError({ code: 'UNIMPLEMENTED', reason: 'NOT_ONE_MESSAGE', message });
}

export function noMessage(): ServiceError {
  return notOneMessage('The request has no message; the method takes exactly one');
}

export function severalMessages(): ServiceError {
  return notOneMessage('The request has more than one message; the method takes exactly one');
}
