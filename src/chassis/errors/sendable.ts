/** What both transports take. Source: gRPC over HTTP/2, "Custom-Metadata"; names that end in `-bin` have bytes. */
const NAME = /^(?!.*-bin$)[0-9a-z_.-]+$/;
const VALUE = /^[ -~]*$/;
/** What the protocols say themselves. Source: RFC 9113, 8.2.2, and gRPC over HTTP/2, "Custom-Metadata". */
const RESERVED =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|te|upgrade|http2-settings|content-length|grpc-.*)$/;

/**
 * Refuses a header of an answer that cannot be sent, at whoever sets it: later nobody could tell the caller.
 * @throws TypeError
 */
export function assertSendable(name: string, value: string): void {
  if (!NAME.test(name))
    throw new TypeError(`"${name}" is no name of a header: lower case, and not for bytes (-bin)`);
  if (RESERVED.test(name))
    throw new TypeError(`The header ${name} is the protocol's own; no service sets it`);
  if (!VALUE.test(value))
    throw new TypeError(`The header ${name} has a value with more than printable ASCII`);
}
