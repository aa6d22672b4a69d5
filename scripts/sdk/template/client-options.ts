/** What both clients take. */
export interface ClientOptions {
  /** Such as `https://api.example.com` for REST, `https://api.example.com:50051` for gRPC. */
  readonly baseUrl: string;
  /** A bearer token, or where it comes from: asked before every call, so it may be renewed there. */
  readonly token?: string | (() => string | Promise<string>);
  /** Further headers of every call, such as `{ 'x-api-key': … }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The request id of a call: 1 to 128 visible ASCII characters. @default a random UUID */
  readonly requestId?: () => string;
  /**
   * Deadline of a call in milliseconds; the service cancels its work then, too. Streams have none unless
   * their call names one.
   * @default 10000
   */
  readonly timeoutMs?: number;
}

export const DEFAULT_TIMEOUT_MS = 10_000;

/** The headers that the options add to a call. Those of the call itself win. */
export async function addHeaders(options: ClientOptions, headers: Headers): Promise<void> {
  const { token } = options;
  const added: Record<string, string> = { ...options.headers };
  if (token !== undefined)
    added['authorization'] = `Bearer ${typeof token === 'string' ? token : await token()}`;
  added['x-request-id'] ??= options.requestId?.() ?? crypto.randomUUID();
  for (const [name, value] of Object.entries(added)) if (!headers.has(name)) headers.set(name, value);
}
