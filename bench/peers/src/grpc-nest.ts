/** Bare Nest gRPC; with `--import` of `otel-grpc.js`, the same with OpenTelemetry's gRPC instrumentation. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { grpcOptions, ItemsGrpcModule } from './nest-grpc-items.js';

const app = await NestFactory.createMicroservice<MicroserviceOptions>(ItemsGrpcModule, {
  ...grpcOptions,
  logger: ['error', 'warn'],
});
await app.listen();
