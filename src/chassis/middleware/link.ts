import type { MiddlewareChange } from '../config/index.js';
import { matcherOf, type Call } from '../context/index.js';
import type { CallMiddleware } from './call-middleware.js';
import { Phase, PHASES, type PhaseMethod, type PhaseName, type PhaseSeries } from './phase.js';
import type { Usage } from './usage.js';

/** What a selector looks at beside the call. */
export interface HandlerDescription {
  /** Class and method. */
  readonly name: string;
  readonly tags: ReadonlySet<string>;
}

export interface LinkOptions {
  readonly name: string;
  readonly middleware: CallMiddleware<never>;
  readonly options: MiddlewareChange & { readonly priority: number };
  /** Validated. */
  readonly settings: unknown;
  readonly usage: Usage;
  readonly seriesOf: (phase: PhaseName) => PhaseSeries;
}

/** One middleware as it stands in the pipeline, from one change of the registry to the next; never changed itself. */
export class Link {
  readonly name: string;
  readonly priority: number;
  readonly settings: unknown;
  readonly usage: Usage;
  readonly pre: Phase | undefined;
  readonly recover: Phase | undefined;
  readonly post: Phase | undefined;
  readonly messageIn: Phase | undefined;
  readonly messageOut: Phase | undefined;
  readonly #isMeant: (call: Call) => boolean;
  readonly #options: LinkOptions['options'];

  constructor(link: LinkOptions) {
    const { name, middleware, options, seriesOf } = link;
    const phaseOf = (method: PhaseMethod): Phase | undefined =>
      middleware[method] && new Phase(name, middleware, method, seriesOf(PHASES[method]));
    this.name = name;
    this.priority = options.priority;
    this.settings = link.settings;
    this.usage = link.usage;
    this.pre = phaseOf('preHandle');
    this.recover = phaseOf('recover');
    this.post = phaseOf('postHandle');
    this.messageIn = phaseOf('onMessageIn');
    this.messageOut = phaseOf('onMessageOut');
    this.#isMeant = matcherOf(options);
    this.#options = options;
  }

  /** Whether it acts on the calls of a handler. */
  covers(call: Call, handler: HandlerDescription): boolean {
    const { transports, tags } = this.#options;
    if (transports && !transports.includes(call.transport)) return false;
    return (!tags || tags.some((tag) => handler.tags.has(tag))) && this.#isMeant(call);
  }
}
