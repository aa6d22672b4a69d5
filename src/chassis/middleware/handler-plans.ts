import type { Call } from '../context/index.js';
import type { HandlerDescription, Link } from './link.js';
import type { Middlewares } from './middlewares.js';

/** The middlewares of one handler by the routes that it serves: found once for each, and again after a change. */
export class HandlerPlans {
  readonly #byTarget = new Map<string, readonly Link[]>();
  /** The pipeline that all of it was found in. */
  #links: readonly Link[] | undefined;
  #last: readonly Link[] = [];
  #lastMethod = '';
  #lastTarget = '';

  constructor(
    private readonly middlewares: Middlewares,
    private readonly handler: HandlerDescription,
  ) {}

  /** Most handlers serve one route, so that nothing has to be looked up. */
  of(call: Call): readonly Link[] {
    const { links } = this.middlewares;
    const target = call.transport === 'http' ? call.route : call.service;
    if (links === this.#links && call.method === this.#lastMethod && target === this.#lastTarget)
      return this.#last;
    if (links !== this.#links) this.#byTarget.clear();
    this.#links = links;
    this.#lastMethod = call.method;
    this.#lastTarget = target;
    return (this.#last = this.#find(call, `${call.method} ${target}`));
  }

  /** Templates of routes and methods that Node parses are few; they stay. */
  #find(call: Call, key: string): readonly Link[] {
    const known = this.#byTarget.get(key);
    if (known) return known;
    const found = this.middlewares.links.filter((link) => link.covers(call, this.handler));
    this.#byTarget.set(key, found);
    return found;
  }
}
