import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config/index.js';
import { ApiKeyAuthenticator } from './api-key.authenticator.js';
import { AuthMetrics } from './auth.metrics.js';
import { readBearerOptions, type BearerOptions } from './auth.options.js';
import type { Schemes } from './challenge.js';
import { ApiKeysFile, IdentitiesFile } from './grants.schema.js';
import { Jwks } from './jwks.js';
import { JwtAuthenticator } from './jwt.authenticator.js';
import { MtlsAuthenticator } from './mtls.authenticator.js';
import { TokenVerifier } from './token-verifier.js';
import { toSecretKey } from './verification-key.js';
import { WatchedFile } from './watched-file.js';

interface Background {
  watch(): void;
  stop(): void;
}

/** The authenticators that the configuration asks for, and what keeps them up to date. */
@Injectable()
export class Authentication implements OnModuleInit, OnApplicationShutdown {
  readonly jwt: JwtAuthenticator | undefined;
  readonly apiKey: ApiKeyAuthenticator | undefined;
  readonly mtls: MtlsAuthenticator | undefined;
  /** `undefined` where no JWKS is configured. */
  jwks: Jwks | undefined;
  readonly #background: Background[] = [];

  /** @throws {ConfigError} when keys contradict each other or a file cannot be used */
  constructor(
    private readonly config: Config,
    private readonly metrics: AuthMetrics,
  ) {
    const bearer = readBearerOptions(config);
    this.jwt = bearer && this.#createJwt(bearer);
    this.apiKey = this.#createApiKey();
    this.mtls = this.#createMtls();
  }

  get schemes(): Schemes {
    return { jwt: Boolean(this.jwt), apiKey: Boolean(this.apiKey), mtls: Boolean(this.mtls) };
  }

  /** Whether there is any way to say who calls. */
  get isConfigured(): boolean {
    return Object.values(this.schemes).includes(true);
  }

  onModuleInit(): void {
    this.jwks?.start();
    for (const each of this.#background) each.watch();
  }

  onApplicationShutdown(): void {
    this.jwks?.stop();
    for (const each of this.#background) each.stop();
  }

  #createJwt({ jwks, secret, rules, jwt }: BearerOptions): JwtAuthenticator {
    this.jwks = jwks && new Jwks({ ...jwks, onFetched: (result) => this.metrics.jwksFetched(result) });
    const verifier = new TokenVerifier(rules, this.jwks, secret ? toSecretKey(secret) : undefined);
    const authenticator = new JwtAuthenticator(verifier, jwt);
    this.metrics.cachedTokens = () => authenticator.cachedTokens;
    return authenticator;
  }

  #createApiKey(): ApiKeyAuthenticator | undefined {
    const path = this.config.get('AUTH_API_KEYS_FILE');
    if (!path) return undefined;
    const file = new WatchedFile({
      key: 'AUTH_API_KEYS_FILE',
      path,
      schema: ApiKeysFile,
      pollMs: this.config.get('AUTH_FILES_POLL_MS'),
      onReloaded: (result) => this.metrics.fileReloaded('api-keys', result),
    });
    this.#background.push(file);
    return new ApiKeyAuthenticator(file);
  }

  #createMtls(): MtlsAuthenticator | undefined {
    const name = this.config.get('AUTH_MTLS');
    if (name === 'off') return undefined;
    const path = this.config.get('AUTH_MTLS_FILE');
    if (!path) return new MtlsAuthenticator(name, undefined);
    const file = new WatchedFile({
      key: 'AUTH_MTLS_FILE',
      path,
      schema: IdentitiesFile,
      pollMs: this.config.get('AUTH_FILES_POLL_MS'),
      onReloaded: (result) => this.metrics.fileReloaded('mtls', result),
    });
    this.#background.push(file);
    return new MtlsAuthenticator(name, file);
  }
}
