import { Metadata } from '@grpc/grpc-js';
import type { IncomingHttpHeaders } from 'node:http2';

type Fields = Map<string, unknown[]>;

/** The protocol's own: nothing that a handler could use. */
const HIDDEN = [
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'accept-encoding',
  'te',
  'content-type',
];

/** The metadata of a request; read from its headers when somebody asks, since most calls are answered without. */
export class RequestMetadata extends Metadata {
  /** Where grpc-js keeps what it has; it is set there when the object is made. */
  declare protected internalRepr: never;
  #headers: IncomingHttpHeaders;
  #fields: Fields | undefined;

  constructor(headers: IncomingHttpHeaders) {
    super();
    this.#headers = headers;
  }

  static {
    Object.defineProperty(this.prototype, 'internalRepr', {
      get(this: RequestMetadata) {
        return (this.#fields ??= fieldsOf(this.#headers));
      },
      set() {
        // Empty, from the constructor of grpc-js.
      },
    });
  }
}

function fieldsOf(headers: IncomingHttpHeaders): Fields {
  const metadata = Metadata.fromHttp2Headers(headers);
  for (const name of HIDDEN) metadata.remove(name);
  return metadata['internalRepr'];
}
