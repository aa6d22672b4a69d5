import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { namesOnce } from '../auth/index.js';
import { callCancelled, ServiceError } from '../errors/index.js';
import { malformed, unsupportedMediaType } from './fastify-errors.js';
import { isBrokenOff } from './http2-request.js';
import { isDeeperThan } from './json-depth.js';

/**
 * JSON is the only body. Fastify's own parser replaces invalid UTF-8 silently and takes a compressed
 * body for broken JSON; here both get their own answer. Poisoned keys are refused, not dropped, and what
 * nests deeper than `maxDepth` is refused before it is parsed.
 * @param isUnique refuses a name that stands twice in one object, of which the last would win
 */
export function acceptOnlyJson(fastify: FastifyInstance, maxDepth: number, isUnique = false): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (isBrokenOff(request.raw)) {
      done(callCancelled());
      return;
    }
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      done(new ServiceError(unsupportedMediaType('The body must not be compressed')));
    } else if (!isUtf8(body)) {
      done(new ServiceError(malformed('The body is not valid UTF-8')));
    } else if (isDeeperThan(maxDepth, body)) {
      done(new ServiceError(tooDeep(maxDepth)));
    } else {
      const text = body.toString();
      void parse(request, text, (error, value) => {
        if (isUnique && !error && !namesOnce(text, value))
          done(new ServiceError(malformed('The body has a name twice in one object; send it once')));
        else done(error, value);
      });
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
