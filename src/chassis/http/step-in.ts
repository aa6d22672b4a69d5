import type { FastifyInstance, preValidationHookHandler } from 'fastify';
import { currentCall, runInCall } from '../context/index.js';

/** Fastify reads no body of these. */
const BODYLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'TRACE']);

/** Events of the socket that deliver a body run outside of the call: it is stepped into again before validation. */
export const stepIn: preValidationHookHandler = (request, _reply, done) => {
  if (currentCall() === request.call) done();
  else runInCall(request.call, done);
};

/** For every route that may have a body; before the first. */
export function stepInAgain(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    if ([route.method].flat().some((method) => !BODYLESS.has(method)))
      route.preValidation = [stepIn, route.preValidation ?? []].flat();
  });
}
