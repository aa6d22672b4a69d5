import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors/index.js';
import { malformed, unsupportedMediaType } from './fastify-errors.js';
import { isDeeperThan } from './json-depth.js';

/**
 * JSON is the only body. Fastify's own parser replaces invalid UTF-8 silently and takes a compressed
 * body for broken JSON; here both get their own answer. Poisoned keys are refused, not dropped, and what
 * nests deeper than `maxDepth` is refused before it is parsed.
 */
export function acceptOnlyJson(fastify: FastifyInstance, maxDepth: number): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      done(new ServiceError(unsupportedMediaType('The body must not be compressed')));
    } else if (!isUtf8(body)) {
      done(new ServiceError(malformed('The body is not valid UTF-8')));
    } else if (isDeeperThan(maxDepth, body)) {
      done(new ServiceError(tooDeep(maxDepth)));
    } else {
      void parse(request, body.toString(), done);
    }
  });
}

function tooDeep(limit: number) {
  return {
    code: 'INVALID_ARGUMENT',
    reason: 'BODY_TOO_DEEP',
    httpStatus: 400,
    message: `The body nests deeper than the ${limit} levels this service accepts`,
  } as const;
}
