import { redactFields } from '../config/index.js';
import type { CallMiddleware } from './call-middleware.js';
import type { EffectiveMiddleware, Middlewares } from './middlewares.js';
import { PHASES, type PhaseMethod } from './phase.js';
import type { RefusedPlugin } from './plugins.js';

/** A middleware as `GET /middlewares` shows it. */
export interface MiddlewareDescription {
  readonly name: string;
  readonly source: string;
  readonly isEnabled: boolean;
  readonly priority: number;
  /** Selectors; those left out choose all. */
  readonly calls: object;
  /** Secrets redacted by their names. */
  readonly settings: unknown;
  readonly phases: readonly string[];
  /** What an operator has said since the start, `null` when nothing. */
  readonly override: unknown;
  /** Calls that have begun with it and have not ended. */
  readonly openCalls: number;
}

/** The outermost first. */
export interface PipelineDescription {
  readonly middlewares: readonly MiddlewareDescription[];
  readonly manifest: string | null;
  readonly refused: readonly RefusedPlugin[];
}

export function describePipeline(
  middlewares: Middlewares,
  manifest: string,
  refused: readonly RefusedPlugin[],
): PipelineDescription {
  const { overrides } = middlewares.state;
  return {
    middlewares: middlewares.all.map((each) => describe(each, overrides.get(each.registration.name))),
    manifest: manifest || null,
    refused,
  };
}

function describe(
  { registration, options, settings }: EffectiveMiddleware,
  override: unknown,
): MiddlewareDescription {
  const { name, source, middleware, usage } = registration;
  const { enabled, priority, ...calls } = options;
  return {
    name,
    source,
    isEnabled: enabled,
    priority,
    calls,
    settings: redactFields(settings),
    phases: phasesOf(middleware),
    override: redactFields(override) ?? null,
    openCalls: usage.calls,
  };
}

function phasesOf(middleware: CallMiddleware<never>): string[] {
  const methods = Object.keys(PHASES) as PhaseMethod[];
  return methods.filter((method) => middleware[method]).map((method) => PHASES[method]);
}
