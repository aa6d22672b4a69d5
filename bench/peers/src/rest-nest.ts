/** Bare NestJS on Fastify; the POST has Nest's own validation pipe. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ItemsModule } from './nest-items.js';
import { host, port } from './settings.js';

const app = await NestFactory.create<NestFastifyApplication>(ItemsModule, new FastifyAdapter(), {
  logger: ['error', 'warn'],
});
await app.listen(port, host);
