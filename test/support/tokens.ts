import { createServer, type Server } from 'node:http';
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
  type SignKeyObjectInput,
} from 'node:crypto';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;

/** How each algorithm signs, for Node's own `sign`: what verifies tokens is not what made them. */
const SIGNING: Readonly<Record<string, readonly [string | null, Omit<SignKeyObjectInput, 'key'>]>> = {
  ...Object.fromEntries(
    ['256', '384', '512'].flatMap((bits) => [
      [`RS${bits}`, [`sha${bits}`, {}]],
      [`PS${bits}`, [`sha${bits}`, { padding: 6, saltLength: Number(bits) / 8 }]],
      [`ES${bits}`, [`sha${bits}`, { dsaEncoding: 'ieee-p1363' }]],
    ]),
  ),
  EdDSA: [null, {}],
};
const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** A key pair of an issuer. */
export class SigningKey {
  private constructor(
    readonly kid: string,
    readonly alg: string,
    readonly privateKey: KeyObject,
  ) {}

  static create(kid: string, alg = 'ES256', modulusLength = 2048): SigningKey {
    return new SigningKey(kid, alg, generate(alg, modulusLength));
  }

  get publicKey(): KeyObject {
    return createPublicKey(this.privateKey);
  }

  /** As a JWKS lists it. */
  get jwk(): Json {
    return { ...this.publicKey.export({ format: 'jwk' }), kid: this.kid, alg: this.alg, use: 'sig' };
  }

  /** Signs any header and claims, or texts that stand for them. */
  sign(claims: Json | string, header: Json | string = {}): string {
    const text =
      typeof header === 'string' ? header : { alg: this.alg, kid: this.kid, typ: 'JWT', ...header };
    const input = `${encode(text)}.${encode(claims)}`;
    const [digest, options] = SIGNING[this.alg] as (typeof SIGNING)[string];
    const signature = sign(digest, Buffer.from(input), { key: this.privateKey, ...options });
    return `${input}.${signature.toString('base64url')}`;
  }
}

function generate(alg: string, modulusLength: number): KeyObject {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519').privateKey;
  const namedCurve = CURVES[alg];
  if (namedCurve) return generateKeyPairSync('ec', { namedCurve }).privateKey;
  return generateKeyPairSync('rsa', { modulusLength }).privateKey;
}

/** A part of a token: JSON, or a text as it is, in base64url. */
export function encode(part: Json | string | Buffer): string {
  const bytes = typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part);
  return Buffer.from(bytes as string).toString('base64url');
}

/** A token with an HMAC, whatever its header says. */
export function signHmac(claims: Json, secret: string | Buffer, header: Json = { alg: 'HS256' }): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** Seconds since 1970, `fromNow` seconds from now. */
export function epochSeconds(fromNow = 0): number {
  return Math.floor(Date.now() / 1000) + fromNow;
}

/**
 * An issuer of tokens with a JWKS server on a socket, which can misbehave: put something else into `answer`.
 *
 * @example
 * ```ts
 * const issuer = await TokenIssuer.start();
 * const app = await TestApp.start({ config: issuer.config });
 * await app.http.get('/v1/orders', issuer.bearer({ scope: 'orders:read' }));
 * ```
 */
export class TokenIssuer {
  readonly issuer = 'https://issuer.test';
  readonly audience = 'service-under-test';
  key = SigningKey.create('first');
  /** What the JWKS server answers: a body, or a handler. */
  answer: Json | string | Parameters<typeof createServer>[1] = { keys: [this.key.jwk] };
  /** Requests that the JWKS server has had. */
  requests = 0;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param port where it listens; any free one unless given */
  static async start(port = 0): Promise<TokenIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const issuer = new TokenIssuer(server, (server.address() as AddressInfo).port);
    server.on('request', (request, response) => {
      issuer.requests += 1;
      if (typeof issuer.answer === 'function') {
        issuer.answer(request, response);
        return;
      }
      response.setHeader('content-type', 'application/json');
      response.end(typeof issuer.answer === 'string' ? issuer.answer : JSON.stringify(issuer.answer));
    });
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/jwks.json`;
  }

  /** Configuration of a service that trusts this issuer. */
  get config(): Record<string, string> {
    return { AUTH_JWKS_URL: this.url, AUTH_ISSUER: this.issuer, AUTH_AUDIENCE: this.audience };
  }

  /** Claims of a good token, changed by `claims`; `undefined` leaves one out. */
  claims(claims: Json = {}): Json {
    return { iss: this.issuer, aud: this.audience, sub: 'alice', exp: epochSeconds(300), ...claims };
  }

  token(claims: Json = {}, header: Json = {}): string {
    return this.key.sign(this.claims(claims), header);
  }

  /** Headers, or metadata, of a call with a good token. */
  bearer(claims: Json = {}): { authorization: string } {
    return { authorization: `Bearer ${this.token(claims)}` };
  }

  /** Signs with another key from now on, and lists that one alone. */
  rotate(kid: string, alg = 'ES256'): void {
    this.key = SigningKey.create(kid, alg);
    this.answer = { keys: [this.key.jwk] };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
