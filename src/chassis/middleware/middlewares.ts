import type { MiddlewareChange } from '../config/index.js';
import { ServiceError, validationFailed } from '../errors/index.js';
import type { CallMiddleware } from './call-middleware.js';
import { Link } from './link.js';
import type { MiddlewareOptions } from './middleware.decorator.js';
import type { PhaseName, PhaseSeries } from './phase.js';
import { parseSettings } from './standard-schema.js';
import { Usage } from './usage.js';

/** A middleware as it was found. */
export interface Registration {
  readonly name: string;
  readonly middleware: CallMiddleware<never>;
  readonly options: Omit<MiddlewareOptions, 'name'>;
  /** What the manifest says beyond the plugin's own options. */
  readonly change?: MiddlewareChange;
  /** `application`, or the plugin's file or package. */
  readonly source: string;
  readonly usage: Usage;
}

/** All that decides what the pipeline is. */
export interface PipelineState {
  readonly registrations: ReadonlyMap<string, Registration>;
  /** Plugins that the manifest names, loaded or not: MIDDLEWARES may name them. */
  readonly expected: ReadonlySet<string>;
  /** MIDDLEWARES. */
  readonly configured: ReadonlyMap<string, MiddlewareChange>;
  /** What an operator has said since. */
  readonly overrides: ReadonlyMap<string, MiddlewareChange>;
}

/** A middleware with all that was said of it, the later winning. */
export interface EffectiveMiddleware {
  readonly registration: Registration;
  readonly options: MiddlewareChange & { readonly priority: number; readonly enabled: boolean };
  readonly settings: unknown;
}

type Merged = EffectiveMiddleware['options'];

/**
 * The middlewares and their order. A change makes a new list and puts it in the place of the old one at once; each
 * call keeps the list that it began with.
 */
export class Middlewares {
  #state: PipelineState = {
    registrations: new Map(),
    expected: new Set(),
    configured: new Map(),
    overrides: new Map(),
  };
  #links: readonly Link[] = [];
  #seriesOf: ((name: string, phase: PhaseName) => PhaseSeries) | undefined;

  /** Those that are enabled, outermost first; another list after each change. */
  get links(): readonly Link[] {
    return this.#links;
  }

  get state(): PipelineState {
    return this.#state;
  }

  /** To be called before anything is registered. */
  measureWith(seriesOf: (name: string, phase: PhaseName) => PhaseSeries): void {
    this.#seriesOf = seriesOf;
  }

  /** Every middleware, switched off ones too, in the order in which they act. */
  get all(): readonly EffectiveMiddleware[] {
    return allOf(this.#state);
  }

  /** The settings that a middleware would begin with. @throws {ServiceError} VALIDATION_FAILED */
  settingsFor(registration: Registration, patch: Partial<PipelineState> = {}): unknown {
    return effectiveOf(registration, { ...this.#state, ...patch }).settings;
  }

  /**
   * Gets a change ready, all of it or nothing; what it returns puts it into effect.
   * @throws {ServiceError} VALIDATION_FAILED, naming the middleware and what is wrong
   */
  prepare(patch: Partial<PipelineState>): () => void {
    const state = { ...this.#state, ...patch };
    checkNames(state);
    const links = this.#linksOf(state);
    const before = this.#state;
    return () => {
      // Somebody else's change may have come between: theirs is kept, beside this one.
      const isSame = this.#state === before;
      this.#state = { ...this.#state, ...patch };
      this.#links = isSame ? links : this.#linksOf(this.#state);
    };
  }

  /** An operator's word on one middleware, until it is taken back or the process ends. */
  override(name: string, change: MiddlewareChange): void {
    if (!this.#state.registrations.has(name)) throw middlewareNotFound();
    const previous = this.#state.overrides.get(name);
    this.prepare({ overrides: new Map([...this.#state.overrides, [name, { ...previous, ...change }]]) })();
  }

  clearOverride(name: string): void {
    if (!this.#state.registrations.has(name)) throw middlewareNotFound();
    const overrides = new Map(this.#state.overrides);
    overrides.delete(name);
    this.prepare({ overrides })();
  }

  #linksOf(state: PipelineState): readonly Link[] {
    const enabled = allOf(state).filter(({ options }) => options.enabled);
    return Object.freeze(
      enabled.map(({ registration: { name, middleware, usage }, options, settings }) => {
        const seriesOf = (phase: PhaseName): PhaseSeries => {
          if (!this.#seriesOf) throw new TypeError('Middlewares are registered before they can be measured');
          return this.#seriesOf(name, phase);
        };
        return new Link({ name, middleware, options, settings, usage, seriesOf });
      }),
    );
  }
}

function allOf(state: PipelineState): EffectiveMiddleware[] {
  const all = [...state.registrations.values()].map((registration) => effectiveOf(registration, state));
  return all.toSorted(
    (a, b) => b.options.priority - a.options.priority || compare(a.registration.name, b.registration.name),
  );
}

function effectiveOf(
  registration: Registration,
  { configured, overrides }: PipelineState,
): EffectiveMiddleware {
  const { name, options: own, change } = registration;
  const { settings: schema, ...base } = own;
  const said = [base, change, configured.get(name), overrides.get(name)].map(withoutUndefined);
  const { settings: given, ...options } = Object.assign({ priority: 0, enabled: true }, ...said) as Merged;
  try {
    return { registration, options, settings: parseSettings(schema, given) };
  } catch (error) {
    throw validationFailed([{ path: `${name}.settings`, message: (error as Error).message }]);
  }
}

/** Code units: the same order in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** What is left out of a later word leaves the earlier one as it is. */
function withoutUndefined(change: object = {}): object {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function checkNames({ configured, registrations, expected }: PipelineState): void {
  const unknown = [...configured.keys()].filter((name) => !registrations.has(name) && !expected.has(name));
  if (unknown.length === 0) return;
  const known = [...new Set([...registrations.keys(), ...expected])];
  const message = `no middleware has this name; ${known.length > 0 ? `there are ${known.join(', ')}` : 'there is none'}`;
  throw validationFailed(unknown.map((name) => ({ path: name, message })));
}

function middlewareNotFound(): ServiceError {
  return new ServiceError({
    code: 'NOT_FOUND',
    reason: 'MIDDLEWARE_NOT_FOUND',
    message: 'No middleware has this name; GET /middlewares lists them',
  });
}
