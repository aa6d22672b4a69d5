import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { ConfigError, corsFaults, listOf, type ChassisConfig, type Config } from '../config/index.js';

const KEYS = [
  'CORS_ORIGINS',
  'CORS_METHODS',
  'CORS_REQUEST_HEADER_NAMES',
  'CORS_RESPONSE_HEADER_NAMES',
  'CORS_CREDENTIALS',
  'CORS_MAX_AGE_S',
] as const;
type CorsSettings = Pick<ChassisConfig, (typeof KEYS)[number]>;

/**
 * Lets web pages of CORS_ORIGINS call the service: preflights are answered before any guard. Other origins
 * get no header at all, so their browser keeps the answer from them. Without CORS_ORIGINS there is nothing.
 */
export class Cors {
  #handle: onRequestHookHandler | undefined;

  /** @throws {ConfigError} for credentials together with every origin, which browsers refuse */
  constructor(config: Config) {
    this.#handle = hookOf(config.values);
    config.prepareChange(KEYS, ({ next }) => {
      const changed = hookOf(next);
      return { commit: () => void (this.#handle = changed) };
    });
  }

  /** Sets the headers of an answer and answers preflights; `undefined` while no origin may call. */
  get handle(): onRequestHookHandler | undefined {
    return this.#handle;
  }
}

/**
 * What the package adds to a server for these settings. It is taken from it, rather than added: a server takes no
 * hook once it listens, and these may change. The route that the package adds, too, is not needed: Fastify runs the
 * hook before it says that there is none.
 */
function hookOf(settings: CorsSettings): onRequestHookHandler | undefined {
  const options = optionsOf(settings);
  let hook: onRequestHookHandler | undefined;
  const server = {
    decorateRequest: () => undefined,
    options: () => undefined,
    addHook: (_name: 'onRequest', handler: onRequestHookHandler) => void (hook = handler),
  };
  if (options) cors(server as unknown as FastifyInstance, options, () => undefined);
  return hook;
}

function optionsOf(settings: CorsSettings): FastifyCorsOptions | undefined {
  const origins = settings.CORS_ORIGINS;
  const credentials = settings.CORS_CREDENTIALS === 'true';
  if (origins === '') return undefined;
  const [fault] = corsFaults(settings);
  if (fault) throw new ConfigError(`CORS_CREDENTIALS: ${fault.message}.`);
  const allowed = new Set(listOf(origins));
  return {
    // With a list the package would tell foreign origins what is allowed to others.
    origin:
      origins === '*'
        ? '*'
        : (origin, callback) => callback(null, origin !== undefined && allowed.has(origin) ? origin : false),
    methods: listOf(settings.CORS_METHODS),
    allowedHeaders: listOf(settings.CORS_REQUEST_HEADER_NAMES),
    exposedHeaders: listOf(settings.CORS_RESPONSE_HEADER_NAMES),
    credentials,
    maxAge: settings.CORS_MAX_AGE_S,
    // Its refusal is no problem document; an OPTIONS that is no preflight harms nobody.
    strictPreflight: false,
  };
}
