import { Controller, Get, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceDefinition } from '#chassis';
import { Caller, Policy, Public, Roles, Scopes, type AccessPolicy } from '#chassis/auth';
import { CallObservers, currentCall, type Call, type CallContext, type Principal } from '#chassis/context';
import { Rpc } from '#chassis/grpc';
import { createApiKey, type NewApiKey } from '../../src/chassis/auth/api-key.js';
import { Order } from '../support/probe.js';
import { frame } from '../support/raw-grpc.js';
import { RawHttp2Client } from '../support/raw-http2.js';
import { sendRaw } from '../support/raw-http.js';
import { Scrape } from '../support/scrape.js';
import {
  encode,
  epochSeconds,
  eventually,
  failureOf,
  freePort,
  order,
  ProbeModule,
  Probes,
  SHAPES,
  signHmac,
  SigningKey,
  TestApp,
  TokenIssuer,
} from '../support/index.js';

const SECRET = 'a shared secret of at least 32 bytes';

@Injectable()
class TenantPolicy implements AccessPolicy {
  async allows(principal: Principal, call: CallContext): Promise<boolean> {
    await Promise.resolve();
    // What a decision point answers may be anything.
    if (principal.tenant === 'odd') return 'false' as unknown as boolean;
    return principal.tenant === 'acme' && call.principal === principal;
  }
}

function describeCaller(caller: Principal | undefined) {
  return {
    reason: caller?.scheme ?? 'nobody',
    domain: caller?.id ?? '',
    metadata: {
      scopes: [...(caller?.scopes ?? [])].join(' '),
      roles: [...(caller?.roles ?? [])].join(' '),
      tenant: caller?.tenant ?? '',
    },
  };
}

@Controller('guarded')
@Scopes('read')
class GuardedHttpController {
  @Get()
  who(@Caller() caller: Principal | undefined) {
    return describeCaller(caller);
  }

  @Get('public')
  @Public()
  open(@Caller() caller: Principal | undefined) {
    return describeCaller(caller);
  }

  @Get('write')
  @Scopes('write')
  write(@Caller() caller: Principal | undefined) {
    return describeCaller(caller);
  }

  @Get('roles')
  @Roles('admin', 'support')
  roles(@Caller() caller: Principal | undefined) {
    return describeCaller(caller);
  }

  @Get('policy')
  @Policy(TenantPolicy)
  policy(@Caller() caller: Principal | undefined) {
    return describeCaller(caller);
  }
}

/** Shares its handlers with a public controller: their rules must not mix. */
class SharedHandlers {
  @Get()
  shared(): object {
    return { caller: currentCall()?.principal?.id ?? 'nobody' };
  }
}

@Controller('shared-open')
@Public()
class SharedOpenController extends SharedHandlers {}

@Controller('shared-closed')
class SharedClosedController extends SharedHandlers {}

const METHODS = {
  unary: { ...Probes.unary, path: '/probe.v1.GuardedService/Unary' },
  open: { ...Probes.unary, path: '/probe.v1.GuardedService/Open' },
  write: { ...Probes.unary, path: '/probe.v1.GuardedService/Write' },
  roles: { ...Probes.unary, path: '/probe.v1.GuardedService/Roles' },
  policy: { ...Probes.unary, path: '/probe.v1.GuardedService/Policy' },
};

@Controller()
@Scopes('read')
class GuardedGrpcController {
  @Rpc(METHODS.unary, Order)
  async unary(_order: Order, @Caller() caller: Principal | undefined): Promise<Order> {
    return describeCaller(caller);
  }

  @Public()
  @Rpc(METHODS.open, Order)
  async open(_order: Order, @Caller() caller: Principal | undefined): Promise<Order> {
    return describeCaller(caller);
  }

  @Scopes('write')
  @Rpc(METHODS.write, Order)
  async write(_order: Order, @Caller() caller: Principal | undefined): Promise<Order> {
    return describeCaller(caller);
  }

  @Roles('admin', 'support')
  @Rpc(METHODS.roles, Order)
  async roles(_order: Order, @Caller() caller: Principal | undefined): Promise<Order> {
    return describeCaller(caller);
  }

  @Policy(TenantPolicy)
  @Rpc(METHODS.policy, Order)
  async policy(_order: Order, @Caller() caller: Principal | undefined): Promise<Order> {
    return describeCaller(caller);
  }
}

@Module({
  controllers: [GuardedHttpController, GuardedGrpcController, SharedOpenController, SharedClosedController],
  providers: [TenantPolicy],
})
class GuardedModule {}

/** A service with these controllers and nothing else: it opens no database, so it starts at once. */
const guarded = (module: Type = GuardedModule): ServiceDefinition => ({
  module,
  root: new URL('../../', import.meta.url),
});

/** How a call ended, the same for both transports. */
interface Ended {
  readonly caller?: ReturnType<typeof describeCaller>;
  readonly code?: string;
  readonly reason?: string;
  readonly metadata?: Record<string, string>;
  readonly challenge?: string | null;
}

type Target = 'unary' | 'open' | 'write' | 'roles' | 'policy';
const PATHS: Readonly<Record<Target, string>> = {
  unary: '/guarded',
  open: '/guarded/public',
  write: '/guarded/write',
  roles: '/guarded/roles',
  policy: '/guarded/policy',
};
// prettier-ignore
const GRPC_NAMES: Readonly<Record<number, string>> = {
  3: 'INVALID_ARGUMENT', 7: 'PERMISSION_DENIED', 8: 'RESOURCE_EXHAUSTED', 13: 'INTERNAL', 14: 'UNAVAILABLE', 16: 'UNAUTHENTICATED',
};

interface Transport {
  readonly name: string;
  readonly call: (app: TestApp, headers: Record<string, string>, target?: Target) => Promise<Ended>;
}

const TRANSPORTS: readonly Transport[] = [
  {
    name: 'REST',
    call: async (app, headers, target = 'unary') => {
      const { status, body, headers: answered } = await app.http.get(PATHS[target], headers);
      if (status === 200) return { caller: body };
      const { code, reason, metadata } = body;
      return { code, reason, metadata, challenge: answered.get('www-authenticate') };
    },
  },
  {
    name: 'gRPC',
    call: async (app, metadata, target = 'unary') => {
      const answer = app.grpc.unary(METHODS[target], order('who'), { metadata });
      const settled = await answer.catch((error: { metadata: { get(key: string): string[] } }) => error);
      if ('reason' in settled) return { caller: settled as ReturnType<typeof describeCaller> };
      const failure = await failureOf(answer);
      return {
        code: GRPC_NAMES[failure.code] ?? String(failure.code),
        ...(failure.reason !== undefined && { reason: failure.reason }),
        ...(failure.info && { metadata: failure.info.metadata }),
        challenge: settled.metadata.get('www-authenticate')[0] ?? null,
      };
    },
  },
];

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('bearer tokens', () => {
  let issuer: TokenIssuer;
  let app: TestApp;
  const rsa = SigningKey.create('rsa', 'RS256');
  const twin = SigningKey.create('twin', 'RS256');
  const others = ['PS384', 'ES512', 'EdDSA'].map((alg) => SigningKey.create(`key-${alg}`, alg));
  const stranger = SigningKey.create('first');
  const weak = SigningKey.create('weak', 'RS256', 1024);
  const encryption = SigningKey.create('encryption', 'RS256');
  const leaked = SigningKey.create('leaked', 'ES256');
  const signOnly = SigningKey.create('sign-only', 'ES256');
  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    issuer.answer = {
      keys: [
        issuer.key.jwk,
        // The same key again: a token without a key id is meant for no other one.
        { ...issuer.key.jwk, kid: undefined },
        { ...issuer.key.jwk, kid: undefined },
        rsa.jwk,
        twin.jwk,
        ...others.map(({ jwk }) => jwk),
        weak.jwk,
        { ...encryption.jwk, use: 'enc' },
        { ...signOnly.jwk, use: undefined, key_ops: ['sign'] },
        { ...leaked.privateKey.export({ format: 'jwk' }), kid: 'leaked', alg: 'ES256', use: 'sig' },
        { kty: 'oct', k: encode(SECRET), kid: 'oct', alg: 'HS256' },
        { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' },
        'no key at all',
      ],
    };
    app = await TestApp.start({
      service: guarded(),
      imports: [ProbeModule],
      config: { ...issuer.config, SERVICE_NAME: 'svc' },
    });
  });
  afterAll(async () => {
    await app.stop();
    await issuer.stop();
  });

  describe.each(TRANSPORTS)('over $name', ({ call }) => {
    test('a token lets in, with what it says of its caller', async () => {
      const claims = { scope: 'read other', scp: ['third'], roles: ['admin'], tenant: 'acme' };
      expect(await call(app, issuer.bearer(claims))).toEqual({
        caller: {
          reason: 'jwt',
          domain: 'alice',
          metadata: { scopes: 'read other third', roles: 'admin', tenant: 'acme' },
        },
      });
    });

    test.each([rsa, ...others].map((key) => [key.alg, key] as const))('%s is verified', async (_alg, key) => {
      const { caller } = await call(app, bearer(key.sign(issuer.claims({ scope: 'read' }))));
      expect(caller?.reason).toBe('jwt');
    });

    test('without credentials the challenge lists what is accepted', async () => {
      expect(await call(app, {})).toMatchObject({
        code: 'UNAUTHENTICATED',
        reason: 'CREDENTIALS_MISSING',
        challenge: 'Bearer realm="svc"',
      });
    });

    test('a token that is refused is told why', async () => {
      const { challenge } = await call(app, issuer.bearer({ exp: epochSeconds(-100) }));
      expect(challenge).toBe(
        'Bearer realm="svc", error="invalid_token", error_description="The bearer token has expired; get a new one"',
      );
    });

    test('what is public needs nobody, and looks at no credential', async () => {
      expect((await call(app, {}, 'open')).caller?.reason).toBe('nobody');
      expect((await call(app, bearer('nonsense'), 'open')).caller?.reason).toBe('nobody');
    });

    test('scopes of controller and handler add up', async () => {
      expect(await call(app, issuer.bearer({ scope: 'write' }), 'write')).toEqual({
        code: 'PERMISSION_DENIED',
        reason: 'SCOPE_MISSING',
        metadata: { scope: 'read' },
        challenge:
          'Bearer realm="svc", error="insufficient_scope", error_description="The caller lacks a scope: read", scope="read"',
      });
      expect((await call(app, issuer.bearer({ scope: 'read' }), 'write')).reason).toBe('SCOPE_MISSING');
      expect((await call(app, issuer.bearer({ scope: 'read write' }), 'write')).caller?.domain).toBe('alice');
    });

    test('one of the roles is enough', async () => {
      const scope = 'read';
      expect(await call(app, issuer.bearer({ scope, roles: ['sales'] }), 'roles')).toMatchObject({
        code: 'PERMISSION_DENIED',
        reason: 'ROLE_MISSING',
        metadata: { roles: 'admin support' },
      });
      expect((await call(app, issuer.bearer({ scope, roles: ['support'] }), 'roles')).caller).toBeDefined();
    });

    test('a policy decides with caller and call', async () => {
      const scope = 'read';
      for (const tenant of ['other', 'odd'])
        expect(await call(app, issuer.bearer({ scope, tenant }), 'policy')).toMatchObject({
          code: 'PERMISSION_DENIED',
          reason: 'POLICY_DENIED',
        });
      expect((await call(app, issuer.bearer({ scope, tenant: 'acme' }), 'policy')).caller).toBeDefined();
    });
  });

  test('controllers that share a handler keep their own rules', async () => {
    expect((await app.http.get('/shared-open')).status).toBe(200);
    expect((await app.http.get('/shared-closed')).status).toBe(401);
    expect((await app.http.get('/shared-closed', issuer.bearer())).body).toEqual({ caller: 'alice' });
  });

  test('decisions are counted by scheme', async () => {
    const before = await Scrape.of(app);
    await app.http.get('/guarded', issuer.bearer({ scope: 'read' }));
    await app.http.get('/guarded', issuer.bearer({ scope: 'none' }));
    await app.http.get('/guarded', bearer('a.b.c'));
    await app.http.get('/guarded');
    await app.http.get('/guarded/public');
    const after = await Scrape.of(app);
    const rise = (scheme: string, decision: string) =>
      after.sum('auth_decisions_total', { scheme, decision }) -
      before.sum('auth_decisions_total', { scheme, decision });
    expect([rise('jwt', 'allowed'), rise('jwt', 'forbidden'), rise('jwt', 'unauthenticated')]).toEqual([
      1, 1, 1,
    ]);
    expect([rise('none', 'allowed'), rise('none', 'unauthenticated')]).toEqual([1, 1]);
    expect(after.sum('auth_cached_tokens')).toBeGreaterThan(0);
    expect(after.sum('auth_jwks_refreshes_total', { result: 'success' })).toBeGreaterThan(0);
  });

  const good = () => issuer.claims({ scope: 'read' });
  const token = (claims = {}, header = {}) => issuer.token({ scope: 'read', ...claims }, header);
  const json = (text: string) => issuer.key.sign(text);
  const invalid = 'UNAUTHENTICATED TOKEN_INVALID';
  /** Each with what it is answered; the second member makes its headers. */
  const HOSTILE: readonly (readonly [string, () => Record<string, string>, string])[] = [
    ['no token after Bearer', () => ({ authorization: 'Bearer' }), invalid],
    ['Basic', () => ({ authorization: 'Basic YTpi' }), 'UNAUTHENTICATED CREDENTIALS_UNSUPPORTED'],
    ['Digest', () => ({ authorization: 'Digest u="a"' }), 'UNAUTHENTICATED CREDENTIALS_UNSUPPORTED'],
    [
      'a token without its scheme',
      () => ({ authorization: token() }),
      'UNAUTHENTICATED CREDENTIALS_UNSUPPORTED',
    ],
    [
      'two tokens in one header',
      () => bearer(`${token()}, Bearer ${token()}`),
      'INVALID_ARGUMENT CREDENTIALS_AMBIGUOUS',
    ],
    [
      'a token and an API key',
      () => ({ ...bearer(token()), 'x-api-key': 'a_12345678_b' }),
      'INVALID_ARGUMENT CREDENTIALS_AMBIGUOUS',
    ],
    [
      'an API key where none is taken',
      () => ({ 'x-api-key': 'a_12345678_b' }),
      'UNAUTHENTICATED CREDENTIALS_UNSUPPORTED',
    ],
    ['an API key as a token', () => bearer(createApiKey('nck').key), invalid],
    ['words', () => bearer('not a token'), invalid],
    ['two parts', () => bearer(token().split('.').slice(0, 2).join('.')), invalid],
    ['four parts', () => bearer(`${token()}.x`), invalid],
    ['an empty signature', () => bearer(`${token().split('.').slice(0, 2).join('.')}.`), invalid],
    ['empty parts', () => bearer('..'), invalid],
    ['an encrypted token (JWE)', () => bearer(`${encode({ alg: 'dir', enc: 'A256GCM' })}..a.b.c`), invalid],
    ['a token in a token', () => bearer(issuer.key.sign(encode(token()))), invalid],
    ['expired', () => bearer(token({ exp: epochSeconds(-31) })), 'UNAUTHENTICATED TOKEN_EXPIRED'],
    ['not yet valid', () => bearer(token({ nbf: epochSeconds(60) })), 'UNAUTHENTICATED TOKEN_NOT_YET_VALID'],
    ['no exp', () => bearer(token({ exp: undefined })), invalid],
    ['exp as a text', () => bearer(token({ exp: String(epochSeconds(300)) })), invalid],
    [
      'exp beyond every number',
      () => bearer(json(JSON.stringify(good()).replace(/"exp":\d+/, '"exp":1e999'))),
      invalid,
    ],
    ['nbf as a text', () => bearer(token({ nbf: '0' })), invalid],
    [
      'exp twice',
      () => bearer(json(JSON.stringify(good()).replace('{', `{"exp":${epochSeconds(9000)},`))),
      invalid,
    ],
    [
      'alg twice',
      () => bearer(issuer.key.sign(good(), `{"alg":"none","kid":"first","alg":"ES256"}`)),
      invalid,
    ],
    [
      'an escaped name that is there already',
      () => bearer(json(JSON.stringify(good()).replace('{', '{"\\u0073ub":"root",'))),
      invalid,
    ],
    [
      'another issuer',
      () => bearer(token({ iss: 'https://evil.test' })),
      'UNAUTHENTICATED TOKEN_ISSUER_MISMATCH',
    ],
    [
      'several issuers',
      () => bearer(token({ iss: ['https://issuer.test', 'x'] })),
      'UNAUTHENTICATED TOKEN_ISSUER_MISMATCH',
    ],
    ['another audience', () => bearer(token({ aud: 'billing' })), 'UNAUTHENTICATED TOKEN_AUDIENCE_MISMATCH'],
    ['no audience', () => bearer(token({ aud: undefined })), 'UNAUTHENTICATED TOKEN_AUDIENCE_MISMATCH'],
    ['nobody', () => bearer(token({ sub: undefined })), invalid],
    ['a number as its subject', () => bearer(token({ sub: 7 })), invalid],
    ['an endless subject', () => bearer(token({ sub: 'a'.repeat(300) })), invalid],
    ['the wrong key under the right id', () => bearer(stranger.sign(good())), invalid],
    ['an unknown key id', () => bearer(stranger.sign(good(), { kid: 'nobody' })), invalid],
    ['a path as key id', () => bearer(token({}, { kid: '../../../../dev/null' })), invalid],
    ['a URL as key id', () => bearer(token({}, { kid: `${issuer.url}?other` })), invalid],
    ['SQL as key id', () => bearer(token({}, { kid: "' OR 1=1 --" })), invalid],
    ['__proto__ as key id', () => bearer(token({}, { kid: '__proto__' })), invalid],
    ['a huge key id', () => bearer(token({}, { kid: 'k'.repeat(3000) })), invalid],
    ['an object as key id', () => bearer(token({}, { kid: { a: 1 } })), invalid],
    ['no key id where several keys fit', () => bearer(rsa.sign(good(), { kid: undefined })), invalid],
    ['alg none, unsigned', () => bearer(`${encode({ alg: 'none' })}.${encode(good())}.`), invalid],
    ['alg none, with a signature', () => bearer(token({}, { alg: 'none' })), invalid],
    ['alg nOnE', () => bearer(token({}, { alg: 'nOnE' })), invalid],
    ['alg of another curve', () => bearer(token({}, { alg: 'ES384' })), invalid],
    ['alg of another kind of key', () => bearer(token({}, { alg: 'RS256' })), invalid],
    ['an unknown alg', () => bearer(token({}, { alg: 'ES256K' })), invalid],
    ['alg as a list', () => bearer(token({}, { alg: ['ES256'] })), invalid],
    [
      'HS256 with the public key as its secret (PEM)',
      () =>
        bearer(
          signHmac(good(), rsa.publicKey.export({ type: 'spki', format: 'pem' }), {
            alg: 'HS256',
            kid: 'rsa',
          }),
        ),
      invalid,
    ],
    [
      'HS256 with the public key as its secret (JWK)',
      () => bearer(signHmac(good(), JSON.stringify(rsa.jwk), { alg: 'HS256', kid: 'rsa' })),
      invalid,
    ],
    ['HS256 with an empty secret', () => bearer(signHmac(good(), '')), invalid],
    [
      'HS256 with a secret that the JWKS gives away',
      () => bearer(signHmac(good(), SECRET, { alg: 'HS256', kid: 'oct' })),
      invalid,
    ],
    ['a key of the JWKS for encryption', () => bearer(encryption.sign(good())), invalid],
    ['a key of the JWKS that may only sign', () => bearer(signOnly.sign(good())), invalid],
    ['a private key that the JWKS gives away', () => bearer(leaked.sign(good())), invalid],
    ['a key of 1024 bits', () => bearer(weak.sign(good())), invalid],
    [
      'a key of its own in jwk',
      () => bearer(stranger.sign(good(), { kid: undefined, jwk: stranger.jwk })),
      invalid,
    ],
    [
      'a key of its own in jku',
      () => bearer(stranger.sign(good(), { kid: 'mine', jku: 'http://127.0.0.1:9/' })),
      invalid,
    ],
    ['a key of its own in x5u', () => bearer(stranger.sign(good(), { x5u: 'http://127.0.0.1:9/' })), invalid],
    ['crit', () => bearer(token({}, { crit: ['exp'] })), invalid],
    ['crit that is empty', () => bearer(token({}, { crit: [] })), invalid],
    ['an unencoded payload (b64)', () => bearer(token({}, { b64: false })), invalid],
    ['another type', () => bearer(token({}, { typ: 'dpop+jwt' })), invalid],
    ['a header that is a list', () => bearer(issuer.key.sign(good(), '[]')), invalid],
    ['a header that is no JSON', () => bearer(issuer.key.sign(good(), '{alg:ES256}')), invalid],
    ['claims that are a text', () => bearer(json('"root"')), invalid],
    ['claims that are null', () => bearer(json('null')), invalid],
    [
      'claims that are no UTF-8',
      () => bearer(stranger.sign('\u0000').replace(/\..*\./, `.${encode(Buffer.from([0x7b, 0xff, 0x7d]))}.`)),
      invalid,
    ],
    ['claims nested without end', () => bearer(json(`{"a":${'['.repeat(3000)}`)), invalid],
    [
      'changed claims',
      () => bearer(token().replace(/\..*\./, `.${encode({ ...good(), sub: 'root' })}.`)),
      invalid,
    ],
    ['a changed signature', () => bearer(token().slice(0, -8).concat('AAAAAAAA')), invalid],
    ['a cut signature', () => bearer(token().slice(0, -20)), invalid],
    ['padding', () => bearer(`${token()}==`), invalid],
    ['the base64 of e-mail', () => bearer(`${token()}+/`), invalid],
    ['a second spelling of the signature', () => bearer(respell(token())), invalid],
    ['another letter case', () => bearer(token().toUpperCase()), invalid],
    ['more than 8 KiB', () => bearer(token({ padding: 'x'.repeat(8000) })), invalid],
  ];

  test('the table of hostile tokens has 35 rows at least', () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(35);
  });

  describe.each(TRANSPORTS)('hostile over $name', ({ call }) => {
    test.each(HOSTILE)('%s', async (_name, headers, expected) => {
      const { code, reason, caller } = await call(app, headers());
      expect({ caller, answer: `${code} ${reason}` }).toEqual({ caller: undefined, answer: expected });
    });
  });

  test('the good token of the table is one', async () => {
    expect((await app.http.get('/guarded', bearer(token()))).status).toBe(200);
    expect((await app.http.get('/guarded', { authorization: `bEaReR ${token()}` })).status).toBe(200);
    expect((await app.http.get('/guarded', bearer(json(JSON.stringify(good()))))).status).toBe(200);
    expect((await app.http.get('/guarded', bearer(token({}, { typ: 'at+jwt' })))).status).toBe(200);
    expect((await app.http.get('/guarded', bearer(token({}, { kid: undefined })))).status).toBe(200);
    expect((await app.http.get('/guarded', bearer(token({ exp: epochSeconds(-20) })))).status).toBe(200);
  });

  test('a repeated authorization header is refused, whichever of the two is good', async () => {
    const [good, bad] = [`authorization: Bearer ${token()}`, 'Authorization: Bearer a.b.c'];
    for (const lines of [`${good}\r\n${bad}`, `${bad}\r\n${good}`, `${good}\r\n${good}`]) {
      const bytes = `GET /guarded HTTP/1.1\r\nhost: a\r\n${lines}\r\n\r\n`;
      const { status, body } = await sendRaw(app.http.address, bytes);
      expect([status, JSON.parse(body).reason]).toEqual([400, 'MALFORMED_REQUEST']);
    }
  });

  test('repeated authorization metadata is refused', async () => {
    const reasons: (string | undefined)[] = [];
    app.get(CallObservers).add({ closed: (call) => void reasons.push(call.error?.reason) });
    const client = new RawHttp2Client(app.grpc.address);
    const common = [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', METHODS.unary.path],
      [':authority', 'a'],
      ['content-type', 'application/grpc'],
    ] as const;
    const tokens = [['authorization', 'Bearer a.b.c'] as const, ['authorization', 'Bearer d.e.f'] as const];
    client.request(1, [...common, ...tokens], frame(Buffer.alloc(0)));
    await eventually('the call has ended', () => reasons.length === 1);
    client.request(3, [...common, ...tokens.slice(1)], frame(Buffer.alloc(0)));
    await eventually('the call has ended', () => reasons.length === 2);
    client.close();
    expect(reasons).toEqual(['MALFORMED_METADATA', 'TOKEN_INVALID']);
  });

  test('no token reaches the server by the URL', async () => {
    expect((await app.http.get(`/guarded?access_token=${token()}`)).body.reason).toBe('CREDENTIALS_MISSING');
  });

  test.each(SHAPES)('$name needs a caller', async ({ call }) => {
    expect(await call(app, 'echo')).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'CREDENTIALS_MISSING' });
    expect(await call(app, 'echo', { headers: bearer('a.b.c') })).toMatchObject({ reason: 'TOKEN_INVALID' });
    const { answers } = await call(app, 'echo', { headers: issuer.bearer() });
    expect(answers).toContain('echo');
  });
});

describe('the keys of the issuer', () => {
  let issuer: TokenIssuer;
  let app: TestApp;
  beforeEach(async () => {
    issuer = await TokenIssuer.start();
  });
  afterEach(async () => {
    await app.stop();
    await issuer.stop();
  });

  const start = async (config: Record<string, unknown> = {}) => {
    app = await TestApp.start({
      service: guarded(),
      config: { ...issuer.config, AUTH_JWKS_COOLDOWN_MS: 200, ...config },
    });
  };
  const reasonOf = async (headers: Record<string, string>) =>
    Promise.all(TRANSPORTS.map(async ({ call }) => (await call(app, headers)).reason ?? 'let in'));
  const isLetIn = async (headers: Record<string, string>) =>
    (await reasonOf(headers)).join() === 'let in,let in';

  test('a rotated key is found, and the old one counts no more, remembered tokens of it included', async () => {
    await start();
    const old = issuer.bearer({ scope: 'read' });
    expect(await isLetIn(old)).toBe(true);
    issuer.rotate('second');
    await eventually('the new key is fetched', () => isLetIn(issuer.bearer({ scope: 'read' })));
    expect(await reasonOf(old)).toEqual(['TOKEN_INVALID', 'TOKEN_INVALID']);
  });

  test('a key that is withdrawn is noticed in the background', async () => {
    await start({ AUTH_JWKS_CACHE_MS: 100 });
    const old = issuer.bearer({ scope: 'read' });
    expect(await isLetIn(old)).toBe(true);
    issuer.rotate('second');
    await eventually(
      'the remembered token is refused',
      async () => (await reasonOf(old))[0] === 'TOKEN_INVALID',
    );
  });

  test('unknown key ids cause one fetch in a cool-down', async () => {
    await start({ AUTH_JWKS_COOLDOWN_MS: 60_000 });
    expect(await isLetIn(issuer.bearer({ scope: 'read' }))).toBe(true);
    const { requests } = issuer;
    const stranger = SigningKey.create('stranger');
    const flood = Array.from({ length: 50 }, (_, index) =>
      reasonOf(bearer(stranger.sign(issuer.claims(), { kid: `unknown-${index}` }))),
    );
    expect(new Set((await Promise.all(flood)).flat())).toEqual(new Set(['TOKEN_INVALID']));
    expect(issuer.requests).toBe(requests);
  });

  test('many first calls at once wait for one fetch', async () => {
    issuer.answer = (_request, response) => {
      setTimeout(() => response.end(JSON.stringify({ keys: [issuer.key.jwk] })), 200);
    };
    await start();
    const calls = Array.from({ length: 20 }, () => isLetIn(issuer.bearer({ scope: 'read' })));
    expect(new Set(await Promise.all(calls))).toEqual(new Set([true]));
    expect(issuer.requests).toBe(1);
  });

  const BROKEN: readonly (readonly [string, TokenIssuer['answer']])[] = [
    ['an error', (_request, response) => void response.writeHead(500).end('{"keys":[]}')],
    ['a page', '<html>hello</html>'],
    ['no keys', { keys: [] }],
    ['keys of the wrong type', { keys: { kid: 'first' } }],
    ['too much', JSON.stringify({ keys: [], padding: 'x'.repeat(300_000) })],
    ['an endless answer', (_request, response) => drip(response)],
    ['silence', () => {}],
    ['a broken connection', (request) => void request.socket.destroy()],
    ['secret keys', { keys: [{ kty: 'oct', k: encode(SECRET), alg: 'HS256' }] }],
  ];

  test.each(BROKEN)(
    'that server answering %s is no key: UNAVAILABLE, and the start does not wait',
    async (_name, answer) => {
      issuer.answer = answer;
      await start({ AUTH_JWKS_TIMEOUT_MS: 300 });
      for (const { call } of TRANSPORTS) {
        expect(await call(app, issuer.bearer())).toMatchObject({
          code: 'UNAVAILABLE',
          reason: 'KEYS_UNAVAILABLE',
        });
        expect(await call(app, {})).toMatchObject({ reason: 'CREDENTIALS_MISSING' });
      }
      const { headers } = await app.http.get('/guarded', issuer.bearer());
      expect(headers.get('retry-after')).toBe('1');
    },
  );

  test.each(BROKEN)('the last keys outlive a server that answers %s', async (_name, answer) => {
    await start({ AUTH_JWKS_TIMEOUT_MS: 1000, AUTH_JWKS_CACHE_MS: 100, AUTH_TOKEN_CACHE_SIZE: 0 });
    await eventually('the keys are there', () => isLetIn(issuer.bearer({ scope: 'read' })));
    issuer.answer = answer;
    await eventually('a fetch fails', async () => {
      return (await Scrape.of(app)).sum('auth_jwks_refreshes_total', { result: 'failure' }) > 0;
    });
    expect(await isLetIn(issuer.bearer({ scope: 'read' }))).toBe(true);
    const unknown = SigningKey.create('unknown').sign(issuer.claims());
    expect(await reasonOf(bearer(unknown))).toEqual(['TOKEN_INVALID', 'TOKEN_INVALID']);
  });

  test('a redirect is not followed', async () => {
    const target = await TokenIssuer.start();
    target.answer = { keys: [issuer.key.jwk] };
    issuer.answer = (_request, response) => void response.writeHead(302, { location: target.url }).end();
    await start();
    expect(await reasonOf(issuer.bearer())).toEqual(['KEYS_UNAVAILABLE', 'KEYS_UNAVAILABLE']);
    expect(target.requests).toBe(0);
    await target.stop();
  });

  test('a server that comes late is found by itself; until then /readyz is degraded, not down', async () => {
    const port = await freePort();
    const late = {
      ...issuer.config,
      AUTH_JWKS_URL: `http://127.0.0.1:${port}/jwks.json`,
      HEALTH_INTERVAL_MS: 20,
    };
    await start(late);
    expect(await reasonOf(issuer.bearer())).toEqual(['KEYS_UNAVAILABLE', 'KEYS_UNAVAILABLE']);
    await eventually(
      'health tells',
      async () => (await app.management.get('/readyz')).body.status === 'degraded',
    );
    expect((await app.management.get('/readyz')).status).toBe(200);
    const server = await TokenIssuer.start(port);
    server.answer = { keys: [issuer.key.jwk] };
    await eventually('the keys arrive', () => isLetIn(issuer.bearer({ scope: 'read' })));
    await eventually('health tells', async () => (await app.management.get('/readyz')).body.status === 'ok');
    await server.stop();
  });

  test('keys that no fetch has confirmed for AUTH_JWKS_MAX_AGE_MS are forgotten', async () => {
    await start({ AUTH_JWKS_CACHE_MS: 100, AUTH_JWKS_MAX_AGE_MS: 300 });
    expect(await isLetIn(issuer.bearer({ scope: 'read' }))).toBe(true);
    issuer.answer = 'broken';
    await eventually('the keys are too old', async () => {
      return (await reasonOf(issuer.bearer({ scope: 'read' })))[0] === 'KEYS_UNAVAILABLE';
    });
  });
});

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write('x'.repeat(50_000)), 5);
  response.on('close', () => clearInterval(timer));
}

describe('remembered tokens', () => {
  let issuer: TokenIssuer;
  beforeAll(async () => {
    issuer = await TokenIssuer.start();
  });
  afterAll(() => issuer.stop());

  const withApp = async (config: Record<string, unknown>, work: (app: TestApp) => Promise<void>) => {
    const app = await TestApp.start({ service: guarded(), config: { ...issuer.config, ...config } });
    try {
      await work(app);
    } finally {
      await app.stop();
    }
  };
  const cached = async (app: TestApp) => (await Scrape.of(app)).sum('auth_cached_tokens');

  test('never outlive their exp', () =>
    withApp({ AUTH_LEEWAY_S: 0 }, async (app) => {
      const headers = issuer.bearer({ scope: 'read', exp: epochSeconds(2) });
      expect((await app.http.get('/guarded', headers)).status).toBe(200);
      await eventually('it expires', async () => (await app.http.get('/guarded', headers)).status === 401);
      expect((await app.http.get('/guarded', headers)).body.reason).toBe('TOKEN_EXPIRED');
    }));

  test('are bounded, also under a flood', () =>
    withApp({ AUTH_TOKEN_CACHE_SIZE: 10 }, async (app) => {
      for (let index = 0; index < 40; index++)
        await app.http.get('/guarded', issuer.bearer({ scope: 'read', jti: String(index) }));
      expect(await cached(app)).toBeGreaterThan(0);
      expect(await cached(app)).toBeLessThanOrEqual(10);
    }));

  test('can be switched off', () =>
    withApp({ AUTH_TOKEN_CACHE_SIZE: 0 }, async (app) => {
      expect((await app.http.get('/guarded', issuer.bearer({ scope: 'read' }))).status).toBe(200);
      expect(await cached(app)).toBe(0);
    }));

  test('bad tokens are not among them', () =>
    withApp({}, async (app) => {
      const headers = issuer.bearer({ exp: epochSeconds(-1000) });
      for (let index = 0; index < 3; index++)
        expect((await app.http.get('/guarded', headers)).body.reason).toBe('TOKEN_EXPIRED');
      expect(await cached(app)).toBe(0);
    }));
});

describe('HS256', () => {
  const config = { AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a,b', AUTH_HS256_SECRET: SECRET };
  const claims = { iss: 'i', aud: ['b'], sub: 'worker', scope: 'read', exp: epochSeconds(300) };

  test.each(TRANSPORTS)('with a configured secret over $name', async ({ call }) => {
    const app = await TestApp.start({ service: guarded(), config });
    const other = SigningKey.create('k', 'ES256').sign(claims);
    try {
      expect((await call(app, bearer(signHmac(claims, SECRET)))).caller?.domain).toBe('worker');
      expect((await call(app, bearer(signHmac(claims, `${SECRET}!`)))).reason).toBe('TOKEN_INVALID');
      expect((await call(app, bearer(signHmac(claims, SECRET, { alg: 'HS512' })))).reason).toBe(
        'TOKEN_INVALID',
      );
      expect((await call(app, bearer(other))).reason).toBe('TOKEN_INVALID');
    } finally {
      await app.stop();
    }
  });
});

describe('API keys and client certificates', () => {
  let folder: string;
  let app: TestApp;
  const key = createApiKey('nck');
  const expired = createApiKey('nck');
  const entry = ({ id, sha256 }: NewApiKey) => ({ id, sha256, owner: 'payments', scopes: ['read'] });
  const write = (name: string, content: unknown) =>
    writeFileSync(join(folder, name), JSON.stringify(content));
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'auth-'));
    const keys = [
      { ...entry(key), roles: ['admin'], tenant: 'acme' },
      { ...entry(expired), expiresAt: '2020-01-01T00:00:00Z' },
    ];
    write('keys.yaml', { keys });
    write('identities.yaml', { identities: [{ identity: 'spiffe://test/ledger', scopes: ['read'] }] });
    app = await TestApp.start({
      service: guarded(),
      config: {
        AUTH_API_KEYS_FILE: join(folder, 'keys.yaml'),
        AUTH_MTLS: 'uri',
        AUTH_MTLS_FILE: join(folder, 'identities.yaml'),
        AUTH_FILES_POLL_MS: 50,
        SERVICE_NAME: 'svc',
      },
    });
    app.get(CallObservers).add({ opened: (call, headers) => present(call, headers), closed: () => {} });
  });
  afterAll(async () => {
    await app.stop();
    await rm(folder, { recursive: true });
  });

  const secret = key.key.slice(0, -4);
  const BAD_KEYS: readonly (readonly [string, string, string])[] = [
    ['a wrong secret', `${secret}AAAA`, 'API_KEY_INVALID'],
    ['a cut key', secret, 'API_KEY_INVALID'],
    ['an unknown id', createApiKey('nck').key, 'API_KEY_INVALID'],
    ['another prefix', key.key.replace('nck', 'abc'), 'API_KEY_INVALID'],
    ['the id alone', key.id, 'API_KEY_INVALID'],
    ['the hash', key.sha256, 'API_KEY_INVALID'],
    ['words', 'open sesame', 'API_KEY_INVALID'],
    ['two keys', `${key.key}, ${key.key}`, 'CREDENTIALS_AMBIGUOUS'],
    ['an expired key', expired.key, 'API_KEY_EXPIRED'],
  ];

  describe.each(TRANSPORTS)('over $name', ({ call }) => {
    test('a key lets its owner in', async () => {
      expect(await call(app, { 'x-api-key': key.key })).toEqual({
        caller: {
          reason: 'api-key',
          domain: 'payments',
          metadata: { scopes: 'read', roles: 'admin', tenant: 'acme' },
        },
      });
    });

    test.each(BAD_KEYS)('%s does not', async (_name, value, reason) => {
      expect((await call(app, { 'x-api-key': value })).reason).toBe(reason);
    });

    test('a certificate lets in whom it names', async () => {
      const { caller } = await call(app, { 'x-test-certificate': 'spiffe://test/ledger' });
      expect(caller).toMatchObject({ reason: 'mtls', domain: 'spiffe://test/ledger' });
    });

    test.each([
      ['that is not listed', 'spiffe://test/other'],
      ['with two names', 'spiffe://test/ledger spiffe://test/other'],
    ])('a certificate %s does not', async (_name, uris) => {
      expect((await call(app, { 'x-test-certificate': uris })).reason).toBe('CERTIFICATE_NOT_ACCEPTED');
    });

    test('a bad key is not made good by a certificate', async () => {
      const headers = { 'x-test-certificate': 'spiffe://test/ledger', 'x-api-key': 'nonsense' };
      expect((await call(app, headers)).reason).toBe('API_KEY_INVALID');
    });

    test('the challenge lists both ways', async () => {
      expect(await call(app, {})).toMatchObject({
        reason: 'CREDENTIALS_MISSING',
        challenge: 'ApiKey realm="svc", header="x-api-key", ClientCertificate realm="svc"',
      });
      expect((await call(app, bearer('a.b.c'))).reason).toBe('CREDENTIALS_UNSUPPORTED');
    });
  });

  test('a changed file counts at once, a broken one changes nothing', async () => {
    const next = createApiKey('nck');
    const status = async (value: string) => (await app.http.get('/guarded', { 'x-api-key': value })).status;
    write('keys.yaml', { keys: [entry(next)] });
    await eventually('the new key counts', async () => (await status(next.key)) === 200);
    expect(await status(key.key)).toBe(401);
    write('keys.yaml', { keys: [{ ...entry(next), sha256: 'short' }] });
    await eventually('the fault is counted', async () => {
      return (
        (await Scrape.of(app)).sum('auth_file_reloads_total', { file: 'api-keys', result: 'failure' }) > 0
      );
    });
    expect(await status(next.key)).toBe(200);
  });
});

test('a key that is withdrawn while the service starts is no key once it has started', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'auth-'));
  const path = join(folder, 'keys.yaml');
  const { id, sha256, key } = createApiKey('nck');
  writeFileSync(path, JSON.stringify({ keys: [{ id, sha256, owner: 'payments', scopes: ['read'] }] }));

  /** As a start that waits for a dependency. */
  const useFactory = async (): Promise<void> => {
    await sleep(200);
    writeFileSync(path, JSON.stringify({ keys: [] }));
  };
  @Module({ imports: [GuardedModule], providers: [{ provide: 'dependency', useFactory }] })
  class StartingModule {}

  const config = { AUTH_API_KEYS_FILE: path, AUTH_FILES_POLL_MS: 50 };
  const app = await TestApp.start({ service: guarded(StartingModule), config });
  expect((await app.http.get('/guarded', { 'x-api-key': key })).body.reason).toBe('API_KEY_INVALID');
  await app.stop();
  await rm(folder, { recursive: true });
});

/** Stands for TLS, which sets what a connection has proved. */
function present(call: Call, headers: IncomingHttpHeaders): void {
  const uris = headers['x-test-certificate'];
  if (typeof uris !== 'string') return;
  call.clientCertificate = {
    subject: 'CN=test',
    commonName: 'test',
    uris: uris.split(' '),
    dnsNames: [],
    fingerprint: 'ab'.repeat(32),
    expiresAt: Infinity,
  };
}

describe('the log', () => {
  test('the log has the caller and no token', async () => {
    const lines: string[] = [];
    const issuer = await TokenIssuer.start();
    const config = { ...issuer.config, LOG_LEVEL: 'trace', LOG_FORMAT: 'json' };
    const logTo = { write: (line: string) => void lines.push(line) };
    const app = await TestApp.start({ service: guarded(), config, logTo });
    try {
      const { authorization } = issuer.bearer({ scope: 'read' });
      for (const { call } of TRANSPORTS) await call(app, { authorization });
      for (const { call } of TRANSPORTS) await call(app, { authorization: `${authorization}x` });
      await eventually(
        'both calls are logged',
        () => lines.join('').split('"principal":"alice"').length === 3,
      );
      expect(lines.join('')).not.toContain(authorization.slice(10, 60));
    } finally {
      await app.stop();
      await issuer.stop();
    }
  });
});

describe('the configuration', () => {
  const https = { AUTH_JWKS_URL: 'https://issuer.test/jwks.json', AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' };
  test.each([
    [
      'a JWKS without issuer and audience',
      { AUTH_JWKS_URL: https.AUTH_JWKS_URL },
      /AUTH_ISSUER.*AUTH_AUDIENCE/,
    ],
    ['a secret without audience', { AUTH_HS256_SECRET: SECRET, AUTH_ISSUER: 'i' }, /AUTH_AUDIENCE/],
    ['an issuer alone', { AUTH_ISSUER: 'i' }, /AUTH_ISSUER.*set AUTH_JWKS_URL or AUTH_HS256_SECRET/],
    ['an audience alone', { AUTH_AUDIENCE: 'a' }, /AUTH_AUDIENCE.*set AUTH_JWKS_URL or AUTH_HS256_SECRET/],
    [
      'names of certificates without AUTH_MTLS',
      { AUTH_MTLS_FILE: 'names.yaml' },
      /AUTH_MTLS_FILE.*AUTH_MTLS to/,
    ],
    ['an audience of commas', { ...https, AUTH_AUDIENCE: ' , ' }, /AUTH_AUDIENCE/],
    ['a short secret', { AUTH_HS256_SECRET: 'short' }, /AUTH_HS256_SECRET.*32 bytes/],
    [
      'http in production',
      { ...https, AUTH_JWKS_URL: 'http://i/', APP_ENV: 'production' },
      /AUTH_JWKS_URL.*https/,
    ],
    ['a file as URL', { ...https, AUTH_JWKS_URL: 'file:///etc/passwd' }, /AUTH_JWKS_URL/],
    ['alg none', { ...https, AUTH_ALGORITHMS: 'ES256,none' }, /AUTH_ALGORITHMS/],
    ['HS256 as an algorithm of public keys', { ...https, AUTH_ALGORITHMS: 'HS256' }, /AUTH_ALGORITHMS/],
    [
      'no file of keys',
      { AUTH_API_KEYS_FILE: '/nowhere/keys.yaml' },
      /AUTH_API_KEYS_FILE cannot be read \(ENOENT\)/,
    ],
  ])('%s ends the start', async (_name, config, fault) => {
    await expect(TestApp.start({ service: guarded(), config })).rejects.toThrow(fault);
  });

  test.each([
    [
      'a contradiction',
      { controllers: [ContradictingController] },
      /ContradictingController.open is @Public\(\) and/,
    ],
    [
      'a policy that is no provider',
      { controllers: [PolicyController] },
      /@Policy\(TenantPolicy\) of PolicyController cannot be asked: it must be among the providers/,
    ],
    [
      'a policy that there is not between calls',
      {
        controllers: [PolicyController],
        providers: [{ provide: TenantPolicy, useClass: TenantPolicy, scope: Scope.REQUEST }],
      },
      /@Policy\(TenantPolicy\) of PolicyController cannot be asked: .* neither request-scoped nor transient/,
    ],
    [
      'one above a provider',
      { providers: [{ provide: 'orders', useClass: PublicProvider }] },
      /@Public stands on PublicProvider, which is no controller: no guard would ask for it there/,
    ],
    [
      'one above the method of a provider',
      { providers: [GuardedProvider] },
      /@Roles stands on GuardedProvider.remove, which is no handler of a controller: no guard would/,
    ],
    [
      'one above a method that no transport calls',
      { controllers: [HelpfulController] },
      /@Scopes stands on HelpfulController.remove, which is no handler of a controller: no guard would/,
    ],
  ])('%s among decorators ends the start', async (_name, metadata, fault) => {
    @Module(metadata)
    class FaultyModule {}
    await expect(TestApp.start({ service: guarded(FaultyModule) })).rejects.toThrow(fault);
  });
});

@Controller('contradicting')
class ContradictingController {
  @Get()
  @Public()
  @Scopes('read')
  open(): object {
    return {};
  }
}

@Public()
class PublicProvider {}

class GuardedProvider {
  @Roles('admin')
  remove(): object {
    return {};
  }
}

@Controller('helpful')
class HelpfulController {
  @Scopes('write')
  remove(): object {
    return {};
  }
}

@Controller('policy')
class PolicyController {
  @Get()
  @Policy(TenantPolicy)
  guarded(): object {
    return {};
  }
}

/** The last character of a signature has bits that mean nothing: another one decodes to the same bytes. */
function respell(token: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = digits.indexOf(token.at(-1) ?? '');
  return token.slice(0, -1) + digits[last ^ 1];
}
