import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { z } from 'zod';
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

/** The authenticators that the configuration asks for, and what keeps them up to date. */
@Injectable()
export class Authentication implements OnModuleInit, OnApplicationShutdown {
  readonly jwt: JwtAuthenticator | undefined;
  readonly apiKey: ApiKeyAuthenticator | undefined;
  readonly mtls: MtlsAuthenticator | undefined;
  /** `undefined` where no JWKS is configured. */
  jwks: Jwks | undefined;
  readonly #files: Pick<WatchedFile<z.ZodType>, 'watch' | 'stop'>[] = [];

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
    for (const file of this.#files) file.watch();
  }

  onApplicationShutdown(): void {
    this.jwks?.stop();
    for (const file of this.#files) file.stop();
  }

  #createJwt({ jwks, secret, rules, jwt }: BearerOptions): JwtAuthenticator {
    this.jwks = jwks && new Jwks({ ...jwks, onFetched: (result) => this.metrics.jwksFetched(result) });
    const verifier = new TokenVerifier(rules, this.jwks, secret ? toSecretKey(secret) : undefined);
    const authenticator = new JwtAuthenticator(verifier, jwt);
    this.metrics.cachedTokens = () => authenticator.cachedTokens;
    return authenticator;
  }

  #createApiKey(): ApiKeyAuthenticator | undefined {
    if (!this.config.get('AUTH_API_KEYS_FILE')) return undefined;
    return new ApiKeyAuthenticator(this.#fileOf('AUTH_API_KEYS_FILE', ApiKeysFile, 'api-keys'));
  }

  #createMtls(): MtlsAuthenticator | undefined {
    const name = this.config.get('AUTH_MTLS');
    if (name === 'off') return undefined;
    const hasFile = this.config.get('AUTH_MTLS_FILE') !== '';
    return new MtlsAuthenticator(
      name,
      hasFile ? this.#fileOf('AUTH_MTLS_FILE', IdentitiesFile, 'mtls') : undefined,
    );
  }

  #fileOf<Schema extends z.ZodType>(
    key: 'AUTH_API_KEYS_FILE' | 'AUTH_MTLS_FILE',
    schema: Schema,
    label: 'api-keys' | 'mtls',
  ): WatchedFile<Schema> {
    const path = this.config.get(key);
    const pollMs = this.config.get('AUTH_FILES_POLL_MS');
    const onReloaded = (result: 'success' | 'failure') => this.metrics.fileReloaded(label, result);
    const file = new WatchedFile({ key, path, schema, pollMs, onReloaded });
    this.#files.push(file);
    return file;
  }
}
