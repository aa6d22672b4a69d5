import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What the stand-in says instead of an answer. */
export interface KmsFault {
  readonly status: number;
  readonly type: string;
  /** Say nothing at all for so long, in milliseconds. */
  readonly hangMs?: number;
}

type Input = Readonly<Record<string, unknown>>;
type Answer = readonly [status: number, body: object];

/**
 * Stands in for AWS KMS: its JSON protocol with a symmetric key, encryption contexts, error types, and the check of
 * Signature Version 4, written from its documentation apart from the code that it tests.
 */
export class KmsServer {
  /** Said to the next requests, one each. */
  readonly faults: KmsFault[] = [];
  /** Actions of the requests with a valid signature. */
  readonly actions: string[] = [];
  readonly #key = randomBytes(32);

  private constructor(
    readonly server: Server,
    readonly credentials: { readonly id: string; readonly secret: string; readonly token?: string },
    readonly keyId: string,
  ) {}

  static async start(): Promise<KmsServer> {
    const credentials = {
      id: 'AKIDEXAMPLE',
      secret: randomBytes(20).toString('base64'),
      token: 'a/session+token',
    };
    const kms: KmsServer = new KmsServer(createServer(), credentials, 'alias/config');
    kms.server.on('request', (request: IncomingMessage, response) => {
      void kms.#answer(request).then(([status, body]) => {
        response
          .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => kms.server.listen(0, '127.0.0.1', resolve));
    return kms;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** For the client's environment. */
  get env(): Record<string, string> {
    const { id, secret, token = '' } = this.credentials;
    return { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token };
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const body = await text(request);
    const refusal = this.#checkSignature(request, body);
    if (refusal) return [400, { __type: refusal }];
    const action = String(request.headers['x-amz-target']).replace('TrentService.', '');
    this.actions.push(action);
    const fault = this.faults.shift();
    if (fault?.hangMs !== undefined)
      await new Promise((resolve) => setTimeout(resolve, fault.hangMs).unref());
    if (fault) return [fault.status, { __type: fault.type, message: 'as the test wants it' }];
    const input = JSON.parse(body) as Input;
    if (action === 'Encrypt') return this.#encrypt(input);
    return action === 'Decrypt' ? this.#decrypt(input) : [400, { __type: 'UnknownOperationException' }];
  }

  #encrypt({ KeyId, Plaintext, EncryptionContext }: Input): Answer {
    if (KeyId !== this.keyId) return [400, { __type: 'com.amazonaws.kms#NotFoundException' }];
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(contextOf(EncryptionContext));
    const blob = [
      nonce,
      cipher.update(Buffer.from(String(Plaintext), 'base64')),
      cipher.final(),
      cipher.getAuthTag(),
    ];
    return [200, { CiphertextBlob: Buffer.concat(blob).toString('base64'), KeyId }];
  }

  #decrypt({ CiphertextBlob, EncryptionContext }: Input): Answer {
    const blob = Buffer.from(String(CiphertextBlob), 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, blob.subarray(0, 12), {
        authTagLength: 16,
      });
      decipher.setAAD(contextOf(EncryptionContext)).setAuthTag(blob.subarray(-16));
      const plain = Buffer.concat([decipher.update(blob.subarray(12, -16)), decipher.final()]);
      return [200, { Plaintext: plain.toString('base64'), KeyId: this.keyId }];
    } catch {
      return [400, { __type: 'InvalidCiphertextException' }];
    }
  }

  /** The `__type` of the refusal. */
  #checkSignature({ headers, method, url }: IncomingMessage, body: string): string | undefined {
    const { authorization = '' } = headers;
    const match = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(.+), SignedHeaders=(.+), Signature=(\w+)$/.exec(
      authorization,
    );
    const [, id, scope = '', names = '', signature] = match ?? [];
    if (id !== this.credentials.id || headers['x-amz-security-token'] !== this.credentials.token)
      return 'UnrecognizedClientException';
    const date = String(headers['x-amz-date']);
    const lines = names.split(';').map((name) => `${name}:${String(headers[name])}`);
    const hash = (of: string) => createHash('sha256').update(of).digest('hex');
    const canonical = `${method}\n${url}\n\n${lines.join('\n')}\n\n${names}\n${hash(body)}`;
    let key: Buffer | string = `AWS4${this.credentials.secret}`;
    for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
    const wanted = createHmac('sha256', key).update(
      `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash(canonical)}`,
    );
    const isWhole = ['host', 'x-amz-date', 'x-amz-target'].every((name) => names.split(';').includes(name));
    return isWhole && wanted.digest('hex') === signature ? undefined : 'InvalidSignatureException';
  }
}

function contextOf(context: unknown): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context ?? {}).toSorted()));
}
