import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { GRPC_CODES } from '../errors/index.js';

const FAULT_OF_CALLER = /^(Failed%20to%20decompress|Error%20deserializing%20request)/;
/** Encoded. Clients refuse trailers of more than 8 KiB, some by ending the connection with all its calls. */
const MAX_MESSAGE_LENGTH = 2048;
/** The last character, where it has several bytes: the cut may have left some of them. */
const CUT_CHARACTER = /(%[C-F].(%[89AB].){0,3})?(%.?)?$/i;

/**
 * grpc-js answers INTERNAL to a message that it cannot decompress or that a foreign service cannot read;
 * and what a foreign service has to say may be too long.
 */
export function correctStatus(stream: ServerHttp2Stream): void {
  const correct = <T extends OutgoingHttpHeaders>(headers: T | undefined): T | undefined => {
    const message = headers?.['grpc-message'];
    if (headers === undefined || message === undefined) return headers;
    const isCallers = headers['grpc-status'] === GRPC_CODES.INTERNAL && FAULT_OF_CALLER.test(String(message));
    return {
      ...headers,
      'grpc-message': String(message).slice(0, MAX_MESSAGE_LENGTH).replace(CUT_CHARACTER, ''),
      ...(isCallers && { 'grpc-status': GRPC_CODES.INVALID_ARGUMENT }),
    };
  };
  const respond = stream.respond.bind(stream);
  const sendTrailers = stream.sendTrailers.bind(stream);
  stream.respond = (headers, options) => respond(correct(headers as OutgoingHttpHeaders), options);
  stream.sendTrailers = (trailers) => sendTrailers(correct(trailers) ?? trailers);
}
