/** An answer, its body parsed when it is JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  // A test looks into bodies of any shape; what is missing fails its assertion.
  readonly body: any; // oxlint-disable-line typescript/no-explicit-any
}

/** REST calls to one port, over a real socket. */
export class HttpTestClient {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string;

  constructor(readonly address: string) {
    this.url = `http://${address}`;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.send(path, { headers });
  }

  /** Sends `body` as JSON. */
  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    if (body === undefined) return this.send(path, { method: 'POST', headers });
    return this.send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  /** Any request; see `fetch`. */
  async send(path: string, init: RequestInit = {}): Promise<HttpAnswer> {
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    // The answer to a HEAD has a type and no body.
    const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }
}
