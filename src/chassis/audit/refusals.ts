import type { FastifyInstance, onSendAsyncHookHandler } from 'fastify';
import { isObservable, throwError, catchError, from, mergeMap } from 'rxjs';
import { currentCall, type CallContext } from '../context/index.js';
import { codeOfHttpStatus } from '../errors/index.js';
import type { AuditTrail } from './audit-trail.js';
import { resultOf } from './audited-work.js';
import type { AuditResult } from './entry.js';

type Invoke = (...args: never[]) => Promise<unknown>;

/**
 * Calls of one audited handler that never reached it, because a guard, a pipe or the transport refused
 * them: they get their entry here, before the answer leaves.
 */
export class Refusals {
  constructor(
    private readonly trail: AuditTrail,
    private readonly action: string,
  ) {}

  /** For Fastify's `onSend`: sees every answer of the route, whoever made it. */
  readonly onSend: onSendAsyncHookHandler = async (request, reply, payload) => {
    // The edge has put it there.
    const { call } = request as unknown as { call: CallContext | undefined };
    if (call && !this.trail.hasEntered(call))
      await this.#record(call, call.error ? resultOf(call.error) : resultOfStatus(reply.statusCode));
    return payload;
  };

  /**
   * For the end of an rpc's call, whoever answered it: the edge and grpc-js refuse before anything is invoked, and
   * nothing was done, so their answers wait for no entry.
   */
  recordAnswered(call: CallContext): void {
    if (this.trail.hasEntered(call)) return;
    void this.#record(call, call.error ? resultOf(call.error) : resultOfCode(call.code));
  }

  /** An rpc's handler, with its parser, guards and pipes, that answers a refusal when it has its entry. */
  around<Handler extends Invoke>(invoke: Handler): Handler {
    const recordAndThrow = async (error: unknown): Promise<never> => {
      const call = currentCall();
      if (call && !this.trail.hasEntered(call)) await this.#record(call, resultOf(error));
      throw error;
    };
    const answer = async (...args: Parameters<Handler>): Promise<unknown> => {
      let result: unknown;
      try {
        result = await invoke(...args);
      } catch (error) {
        return recordAndThrow(error);
      }
      if (!isObservable(result)) return result;
      return result.pipe(
        catchError((error: unknown) =>
          from(recordAndThrow(error)).pipe(mergeMap(() => throwError(() => error))),
        ),
      );
    };
    return answer as Handler;
  }

  #record(call: CallContext, result: AuditResult): Promise<void> {
    return this.trail.recordRefusal({ action: this.action, result }, call);
  }
}

function resultOfStatus(status: number): AuditResult {
  return status < 400 ? 'ok' : { code: codeOfHttpStatus(status) };
}

function resultOfCode(code: CallContext['code']): AuditResult {
  return code === 'OK' ? 'ok' : { code };
}

/** Gives the audited routes of a server their hook; before the first route. Other routes pay nothing. */
export function auditRefusedRequests(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    const { audit } = (route.config ?? {}) as { audit?: unknown };
    if (audit instanceof Refusals) route.onSend = [route.onSend ?? [], audit.onSend].flat();
  });
}
