/** Bare Fastify with compiled validation and a compiled response schema. The base of the REST ratios. */
import { fastify } from 'fastify';
import { itemRoutes } from './fastify-items.js';
import { host, port } from './settings.js';

const app = fastify();
await app.register(itemRoutes);
await app.listen({ host, port });
