import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import { ConfigError, listOf, type Config } from '../config/index.js';

/**
 * Lets web pages of CORS_ORIGINS call the service: preflights are answered before any guard. Other origins
 * get no header at all, so their browser keeps the answer from them. Without CORS_ORIGINS there is nothing.
 * @throws {ConfigError} for credentials together with every origin, which browsers refuse
 */
export function allowOrigins(fastify: FastifyInstance, config: Config): void {
  const origins = config.get('CORS_ORIGINS');
  const credentials = config.get('CORS_CREDENTIALS') === 'true';
  if (origins === '') return;
  if (origins === '*' && credentials)
    throw new ConfigError(
      'CORS_CREDENTIALS=true needs CORS_ORIGINS to name the origins: browsers refuse * with credentials.',
    );
  const allowed = new Set(listOf(origins));
  void fastify.register(cors, {
    // With a list the package would tell foreign origins what is allowed to others.
    origin:
      origins === '*'
        ? '*'
        : (origin, callback) => callback(null, origin !== undefined && allowed.has(origin) ? origin : false),
    methods: listOf(config.get('CORS_METHODS')),
    allowedHeaders: listOf(config.get('CORS_REQUEST_HEADER_NAMES')),
    exposedHeaders: listOf(config.get('CORS_RESPONSE_HEADER_NAMES')),
    credentials,
    maxAge: config.get('CORS_MAX_AGE_S'),
    // Its refusal is no problem document; an OPTIONS that is no preflight harms nobody.
    strictPreflight: false,
  });
}
