import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { REQUEST_ID_HEADER, type GrpcCall } from '../context/index.js';
import { deadlineExceeded, internalError, type ServiceError } from '../errors/index.js';
import { closeUnended, UNKNOWN_FLAG } from './call-link.js';
import {
  compressedWithout,
  malformedMessage,
  messageTooLarge,
  notOneMessage,
  unknownFlag,
} from './edge-errors.js';
import { cutEncoded, STATUS_DETAILS_KEY, toStatusFields } from './status.js';
import { CONTENT_TYPE } from './unary-call.js';

/** The encoding of a call that names none: grpc-js would take a message that is marked as compressed as it is. */
export const NO_ENCODING = '(none)';
/** What grpc-js refuses by itself, by its words. It takes for its own fault what is the caller's. */
const REFUSALS: readonly (readonly [pattern: RegExp, toError: (message: string) => ServiceError])[] = [
  [/^(Failed to decompress|Error deserializing request)/, malformedMessage],
  [/^Received message (larger than|that decompresses to)/, messageTooLarge],
  [new RegExp(`^${UNKNOWN_FLAG}`), unknownFlag],
  [/^Received (no|a second) request message/, notOneMessage],
];
/** Of services that are no features: the others' deadline is the edge's. */
const LATE = 'Deadline exceeded';
/** What a handler has answered does not fit its message. */
const UNSERIALIZABLE = 'Error serializing response';

/**
 * Makes what grpc-js answers by itself an answer like others, with a request id and a reason; what a service that is
 * no feature has to say may be too long.
 * @param domain the service's name
 */
export function correctStatus(stream: ServerHttp2Stream, call: GrpcCall, domain: string): void {
  const correct = (headers: OutgoingHttpHeaders): OutgoingHttpHeaders => {
    const text = headers['grpc-message'];
    if (text === undefined || headers[STATUS_DETAILS_KEY] !== undefined) return headers;
    const refusal = refusalOf(String(text));
    if (refusal) call.error = refusal;
    return {
      ...headers,
      ...(refusal ? toStatusFields(refusal, domain) : { 'grpc-message': cutEncoded(String(text)) }),
    };
  };
  const respond = stream.respond.bind(stream);
  const sendTrailers = stream.sendTrailers.bind(stream);
  stream.respond = (headers, options) => {
    const sent = correct(headers as OutgoingHttpHeaders);
    // Whatever a handler has set for REST, and would break the answer of a stream.
    respond({ [REQUEST_ID_HEADER]: call.requestId, ...sent, 'content-type': CONTENT_TYPE }, options);
    if (options?.endStream === true) closeUnended(stream);
  };
  stream.sendTrailers = (trailers) => {
    sendTrailers(correct(trailers));
    closeUnended(stream);
  };
}

/** @param text encoded */
function refusalOf(text: string): ServiceError | undefined {
  const message = decodeURI(text);
  if (message.endsWith(`"${NO_ENCODING}"`)) return compressedWithout();
  if (message === LATE) return deadlineExceeded();
  if (message.startsWith(UNSERIALIZABLE)) return internalError(undefined);
  const [, toError] = REFUSALS.find(([pattern]) => pattern.test(message)) ?? [];
  return toError?.(message);
}
