import {
  BadGatewayException,
  ConflictException,
  HttpException,
  NotFoundException,
  PayloadTooLargeException,
} from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { expect, test } from 'vitest';
import { GRPC_CODES, type Code } from './code.js';
import { codeOfHttpStatus, httpStatusOf } from './http-status.js';
import { ServiceError } from './service-error.js';
import { toServiceError } from './to-service-error.js';

test('keeps an error of the vocabulary as it is', () => {
  const error = new ServiceError({ code: 'ABORTED', reason: 'X', message: 'x' });
  expect(toServiceError(error)).toBe(error);
});

test.each([
  [new NotFoundException('no such thing'), 'NOT_FOUND', 404],
  [new ConflictException('taken'), 'ABORTED', 409],
  [new PayloadTooLargeException('too much'), 'RESOURCE_EXHAUSTED', 413],
  [new HttpException('teapot', 418), 'INVALID_ARGUMENT', 418],
])("takes over Nest's %s", (exception, code, httpStatus) => {
  expect(toServiceError(exception)).toMatchObject({ code, httpStatus, message: exception.message });
});

test.each([
  new Error('secret'),
  new BadGatewayException('secret'),
  new RpcException('secret'),
  'secret',
  undefined,
  { secret: 1 },
])('tells nothing of %s', (thrown) => {
  const error = toServiceError(thrown);
  expect(error).toMatchObject({ code: 'INTERNAL', reason: 'INTERNAL' });
  expect(error.message).not.toMatch(/secret/);
  expect(error.cause).toBe(thrown);
});

test('every code has an HTTP status that leads back to it, or to one with the same status', () => {
  for (const code of Object.keys(GRPC_CODES) as Code[]) {
    const status = httpStatusOf(code);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(httpStatusOf(codeOfHttpStatus(status))).toBe(status);
  }
});
