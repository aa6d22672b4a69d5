import type { FastifyInstance, onRequestHookHandler, onResponseHookHandler } from 'fastify';

/**
 * The hooks that Nest's adapter adds when it is made: six for every request, one for every response. They serve
 * features that the chassis has in another way, but a service may still ask the adapter for, such as
 * `setOnRequestHook`. Until one does, they cost each call more than all the rest of the adapter, so they are kept
 * from Fastify, and one hook stands in their place.
 */
export class NestHooks {
  readonly #onRequest: onRequestHookHandler[] = [];
  readonly #onResponse: onResponseHookHandler[] = [];
  readonly #addHook: PropertyDescriptor;
  #run = false;

  /** From here on takes the hooks that are added to `fastify`, until `settle`. */
  constructor(private readonly fastify: FastifyInstance) {
    this.#addHook = Object.getOwnPropertyDescriptor(fastify, 'addHook') as PropertyDescriptor;
    fastify.addHook = (name: string, hook: never) => {
      (name === 'onResponse' ? this.#onResponse : this.#onRequest).push(hook);
      return fastify;
    };
  }

  /** Nest's adapter is made. */
  settle(): void {
    Object.defineProperty(this.fastify, 'addHook', this.#addHook);
    this.fastify.addHook('onRequest', (request, reply, done) => {
      // Of what the edge lets through, no path of a Nest middleware can match this: a hook of Nest's answers it.
      if (this.#run || request.raw.url === '*') this.#next(0, request, reply, done);
      else done();
    });
  }

  /** A feature needs those of requests. */
  runOnRequest(): void {
    this.#run = true;
  }

  /** A feature needs that of responses. Before the server listens, as for any hook. */
  runOnResponse(): void {
    for (const hook of this.#onResponse.splice(0)) this.fastify.addHook('onResponse', hook);
  }

  #next(place: number, ...[request, reply, done]: Parameters<onRequestHookHandler>): void {
    const hook = this.#onRequest[place];
    if (!hook) done();
    else
      hook.call(this.fastify, request, reply, (error) => {
        if (error) done(error);
        else this.#next(place + 1, request, reply, done);
      });
  }
}
