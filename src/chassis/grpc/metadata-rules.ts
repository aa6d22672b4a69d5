import type { IncomingHttpHeaders } from 'node:http2';
import { spoofableBy } from '../baseline/index.js';
import type { Config } from '../config/index.js';
import { ServiceError } from '../errors/index.js';

/** RFC 9113, section 6.5.2: each field counts its name, its value and this. Node does not hold it against a limit. */
const FIELD_OVERHEAD_BYTES = 32;
/** The protocol's own that a request may have; the others are those of answers, or of nobody. */
const RESERVED = 'grpc-';
const REQUEST_NAMES = new Set([
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-message-type',
  'grpc-previous-rpc-attempts',
  'grpc-trace-bin',
  'grpc-tags-bin',
]);
/** Padded or not, several with commas between them. */
const BASE64 = /^(?:[A-Za-z\d+/]*={0,2})(?:, ?[A-Za-z\d+/]*={0,2})*$/;

/** What metadata must be like, and what of it no handler sees. */
export class MetadataRules {
  readonly #maxBytes: number;
  readonly #maxFields: number;

  constructor(config: Config) {
    this.#maxBytes = config.get('MAX_HEADER_BYTES');
    this.#maxFields = config.get('MAX_HEADER_FIELDS');
  }

  /**
   * One walk over the fields as they came, names and values in turn: of the object that Node makes of them, every
   * look is dearer. Gives what is wrong with them, if anything.
   */
  apply(
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    isTrusted: boolean,
  ): ServiceError | undefined {
    let bytes = (rawHeaders.length / 2) * FIELD_OVERHEAD_BYTES;
    let authorizations = 0;
    const spoofable = spoofableBy(isTrusted);
    let malformed: string | undefined;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string;
      const value = rawHeaders[index + 1] as string;
      bytes += name.length + value.length;
      if (name === 'authorization') authorizations += 1;
      else if (spoofable.has(name) || isReserved(name)) delete headers[name];
      else if (name.endsWith('-bin') && !isBase64(value)) malformed = name;
    }
    if (bytes > this.#maxBytes) return tooLarge(this.#maxBytes);
    if (rawHeaders.length > 2 * this.#maxFields) return tooManyFields(this.#maxFields);
    // Node keeps the first of several, while a proxy before it may have checked another one.
    if (authorizations > 1) return repeatedAuthorization();
    return malformed === undefined ? undefined : malformedMetadata(malformed);
  }
}

function isReserved(name: string): boolean {
  return name.startsWith(RESERVED) && !REQUEST_NAMES.has(name);
}

/** A length of 4n + 1 characters holds no whole byte more than 4n. */
function isBase64(value: string): boolean {
  if (!BASE64.test(value)) return false;
  return value.split(',').every((part) => part.trim().replace(/=+$/, '').length % 4 !== 1);
}

function tooLarge(limit: number): ServiceError {
  return new ServiceError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'HEADERS_TOO_LARGE',
    message: `The metadata is larger than the ${limit} bytes this service accepts`,
  });
}

function tooManyFields(limit: number): ServiceError {
  return new ServiceError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'TOO_MANY_HEADERS',
    message: `The metadata has more than the ${limit} fields this service accepts`,
  });
}

function malformedMetadata(name: string): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'MALFORMED_METADATA',
    message: `The metadata field ${name} is not base64, as every field whose name ends in -bin must be`,
  });
}

function repeatedAuthorization(): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'MALFORMED_METADATA',
    message: 'The metadata has more than one authorization',
  });
}
