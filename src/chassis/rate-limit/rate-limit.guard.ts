import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Config } from '../config/index.js';
import { currentCall, type Call, type GrpcCall } from '../context/index.js';
import { isAsyncIterable } from '../streams/index.js';
import { HandlerLimits, type TargetLimits } from './handler-limits.js';
import { LIMIT_HEADER, POLICY_HEADER } from './headers.js';
import { MessageGate } from './message-gate.js';
import { RateLimits } from './rate-limits.js';
import type { Refusal } from './refusal.js';
import type { Rule } from './rule.js';

/**
 * Stands before every handler of both transports, after authentication and authorisation. Answers at once
 * unless the shared store has to be asked.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  /** By controller and handler: a handler may be inherited by several. */
  readonly #handlers = new Map<object, Map<object, HandlerLimits>>();
  #tellsAlways: boolean;

  constructor(
    private readonly limits: RateLimits,
    config: Config,
  ) {
    this.#tellsAlways = config.get('RATE_LIMIT_HEADERS') === 'always';
    config.onChange(['RATE_LIMIT_HEADERS'], ({ next }) => {
      this.#tellsAlways = next.RATE_LIMIT_HEADERS === 'always';
    });
    limits.onChange(() => this.#handlers.clear());
  }

  /** Whether it has, or may get, something to decide. */
  get isNeeded(): boolean {
    return this.limits.isNeeded;
  }

  /** @throws ServiceError RATE_LIMITED */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (!this.limits.isUsed) return true;
    const call = currentCall() as Call | undefined;
    // What Nest calls without a call of the edges, such as an event of another transport, has no limits.
    if (!call) return true;
    const target = this.#limitsOf(context).of(call);
    if (target.all.length === 0) return true;
    const rules = this.#rulesOf(target, call, context);
    if (rules.length === 0) return true;
    const decision = this.limits.limiter.decide(rules, call, context);
    if (decision instanceof Promise) return this.#settle(decision, target, call, context);
    return this.#judge(decision, target, call, context);
  }

  #limitsOf(context: ExecutionContext): HandlerLimits {
    const controller = context.getClass();
    const handler = context.getHandler();
    return this.#handlers.get(controller)?.get(handler) ?? this.#add(controller, handler);
  }

  #add(controller: object, handler: object): HandlerLimits {
    const found = new HandlerLimits(this.limits, controller, handler);
    const handlers = this.#handlers.get(controller) ?? new Map<object, HandlerLimits>();
    this.#handlers.set(controller, handlers.set(handler, found));
    return found;
  }

  /** Limits of messages are those of the call where it brings one, and stand at the stream where it brings more. */
  #rulesOf({ all, ofCall, ofMessage }: TargetLimits, call: Call, context: ExecutionContext): readonly Rule[] {
    if (ofMessage.length === 0 || !bringsStream(call, context)) return all;
    const { limiter } = this.limits;
    const rules = (): readonly Rule[] => this.#limitsOf(context).of(call).ofMessage;
    (call as GrpcCall).admitMessage = new MessageGate(limiter, rules, call, context).admit;
    return ofCall;
  }

  async #settle(
    decision: Promise<Refusal | undefined>,
    target: TargetLimits,
    call: Call,
    context: ExecutionContext,
  ): Promise<boolean> {
    return this.#judge(await decision, target, call, context);
  }

  #judge(
    refusal: Refusal | undefined,
    { all }: TargetLimits,
    call: Call,
    context: ExecutionContext,
  ): boolean {
    if (refusal) throw refusal.toError(all);
    if (this.#tellsAlways) this.#tell(all, call, context);
    return true;
  }

  #tell(rules: readonly Rule[], call: Call, context: ExecutionContext): void {
    const policies = rules.map(({ policy }) => policy.header).join(', ');
    const left = this.limits.limiter.describeLeft(rules, call, context);
    if (call.transport === 'grpc') {
      call.answerMetadata = { ...call.answerMetadata, [POLICY_HEADER]: policies, [LIMIT_HEADER]: left };
      return;
    }
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    void reply.header(POLICY_HEADER, policies).header(LIMIT_HEADER, left);
  }
}

function bringsStream(call: Call, context: ExecutionContext): boolean {
  return call.transport === 'grpc' && isAsyncIterable(context.switchToRpc().getData());
}
