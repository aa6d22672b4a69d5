import { Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AuditOperator, AuditResult, AuditTrail } from '../audit/index.js';
import type { Config } from '../config/index.js';
import { codeOfHttpStatus } from '../errors/index.js';
import { SAFE_METHODS } from './authorize-change.js';

const logger = new Logger('Management');
/** Bears the operator's name; whoever holds the token may give any. */
const OPERATOR_HEADER = 'x-operator';
const OPERATOR = /^[\x21-\x7e]{1,128}$/;

/**
 * Records what changes the service's state on the management port, and who was refused to do so, before
 * the answer leaves. While the trail is away changes are still made: they are what an operator has left.
 * @param allowed the changes whose sender may make them; others may be refused before anybody has looked at that
 */
export function auditChanges(
  fastify: FastifyInstance,
  trail: AuditTrail,
  config: Config,
  allowed: WeakSet<FastifyRequest>,
): void {
  const proof = config.get('MANAGEMENT_TOKEN') ? 'token' : 'loopback';
  fastify.addHook('onSend', async (request, reply, payload) => {
    const by = allowed.has(request) ? proof : 'nobody';
    if (!SAFE_METHODS.has(request.method)) await record(trail, request, reply.statusCode, by);
    return payload;
  });
}

async function record(
  trail: AuditTrail,
  request: FastifyRequest,
  status: number,
  by: AuditOperator['by'],
): Promise<void> {
  const { method, url, body, call } = request;
  const result: AuditResult =
    status < 400 ? 'ok' : { code: codeOfHttpStatus(status), reason: call.error?.reason };
  const isProved = by !== 'nobody';
  const operator: AuditOperator = { by, name: nameOf(request) };
  const fact = {
    action: 'management.change',
    target: `${method} ${url.split('?', 1)[0]}`,
    result,
    operator,
    ...(isProved && typeof body === 'object' && body !== null && { detail: { body } }),
  };
  if (!isProved) await trail.recordRefusal(fact, call);
  else
    await trail
      .record(fact, call)
      .catch((error: unknown) => logger.error({ err: error }, 'change is not recorded yet'));
}

function nameOf({ headers }: FastifyRequest): string | undefined {
  const name = headers[OPERATOR_HEADER];
  return typeof name === 'string' && OPERATOR.test(name) ? name : undefined;
}
