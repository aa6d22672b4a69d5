import { Injectable, type CanActivate, type ExecutionContext, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { Config } from '../config/index.js';
import { currentCall, type CallContext } from '../context/index.js';
import type { ServiceError } from '../errors/index.js';
import { AccessRules, type ResolvedRule } from './access-rules.js';
import { AuthMetrics, type SchemeDecisions } from './auth.metrics.js';
import { Authentication } from './authentication.js';
import type { Verdict } from './authenticator.js';
import { authorize } from './authorize.js';
import { Challenge } from './challenge.js';
import { API_KEY_HEADER, bearerToken, readCredential } from './credentials.js';
import { CREDENTIALS_AMBIGUOUS, CREDENTIALS_MISSING, CREDENTIALS_UNSUPPORTED, Refusal } from './refusal.js';

/**
 * Who calls, and whether they may: the first guard of every REST and gRPC handler. Answers at once when
 * the credential is known already and no policy has to be waited for.
 */
@Injectable()
export class AuthGuard implements CanActivate, OnModuleInit {
  readonly #rules: AccessRules;
  readonly #challenge: Challenge;
  /** False where nobody can say who calls: then it need not stand there. */
  readonly isNeeded: boolean;

  constructor(
    private readonly authentication: Authentication,
    private readonly metrics: AuthMetrics,
    private readonly discovery: DiscoveryService,
    moduleRef: ModuleRef,
    config: Config,
  ) {
    const { schemes } = authentication;
    this.#rules = new AccessRules(moduleRef);
    this.#challenge = new Challenge(config.get('SERVICE_NAME'), schemes);
    this.isNeeded = authentication.isConfigured;
  }

  onModuleInit(): void {
    this.#rules.readAll(this.discovery);
  }

  /** @throws {ServiceError} UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT or UNAVAILABLE */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { decisions } = this.metrics;
    const rule = this.#rules.of(context.getClass(), context.getHandler());
    if (rule.isPublic) {
      decisions.none.allowed.inc();
      return true;
    }
    const call = currentCall();
    if (!call) throw new TypeError('A handler runs outside of any call');
    const authorization = readCredential(call, 'authorization');
    const apiKey = readCredential(call, API_KEY_HEADER);
    if (authorization !== undefined) {
      if (apiKey !== undefined) throw this.#refuse(CREDENTIALS_AMBIGUOUS, decisions.none);
      return this.#admitBearer(authorization, call, rule);
    }
    if (apiKey !== undefined) return this.#admitApiKey(apiKey, call, rule);
    const { mtls } = this.authentication;
    if (!mtls || !call.clientCertificate) throw this.#refuse(CREDENTIALS_MISSING, decisions.none);
    return this.#admit(mtls.authenticate(call.clientCertificate), call, rule, decisions.mtls);
  }

  #admitBearer(authorization: string, call: CallContext, rule: ResolvedRule): boolean | Promise<boolean> {
    const { none, jwt: decisions } = this.metrics.decisions;
    const { jwt } = this.authentication;
    const token = bearerToken(authorization);
    if (!jwt || token === undefined) throw this.#refuse(CREDENTIALS_UNSUPPORTED, none);
    if (token.includes(',')) throw this.#refuse(CREDENTIALS_AMBIGUOUS, decisions);
    return this.#admit(jwt.authenticate(token), call, rule, decisions);
  }

  #admitApiKey(key: string, call: CallContext, rule: ResolvedRule): boolean | Promise<boolean> {
    const { none, 'api-key': decisions } = this.metrics.decisions;
    const { apiKey } = this.authentication;
    if (!apiKey) throw this.#refuse(CREDENTIALS_UNSUPPORTED, none);
    if (key.includes(',')) throw this.#refuse(CREDENTIALS_AMBIGUOUS, decisions);
    return this.#admit(apiKey.authenticate(key), call, rule, decisions);
  }

  #admit(
    verdict: Verdict | Promise<Verdict>,
    call: CallContext,
    rule: ResolvedRule,
    decisions: SchemeDecisions,
  ): boolean | Promise<boolean> {
    if (verdict instanceof Promise) return this.#admitLater(verdict, call, rule, decisions);
    if (verdict instanceof Refusal) throw this.#refuse(verdict, decisions);
    call.principal = verdict;
    const refusal = authorize(rule, verdict, call);
    if (refusal instanceof Promise) return this.#decideLater(refusal, decisions);
    if (refusal) throw this.#refuse(refusal, decisions);
    decisions.allowed.inc();
    return true;
  }

  async #admitLater(
    verdict: Promise<Verdict>,
    call: CallContext,
    rule: ResolvedRule,
    decisions: SchemeDecisions,
  ): Promise<boolean> {
    return this.#admit(await verdict, call, rule, decisions);
  }

  async #decideLater(refusal: Promise<Refusal | undefined>, decisions: SchemeDecisions): Promise<boolean> {
    const refused = await refusal;
    if (refused) throw this.#refuse(refused, decisions);
    decisions.allowed.inc();
    return true;
  }

  #refuse(refusal: Refusal, decisions: SchemeDecisions): ServiceError {
    decisions.count(refusal);
    return this.#challenge.errorOf(refusal);
  }
}
