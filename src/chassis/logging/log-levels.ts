import type { Logger } from 'pino';
import { ServiceError } from '../errors/primary.js';

/** From the most talkative to none. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Pino's numbers. */
const NUMBERS: Readonly<Record<LogLevel, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: Infinity,
};
const MAX_CONTEXTS = 1000;

/** The level of one logger. */
export interface LoggerState {
  /** Set for this very logger; `null` = as the root. */
  readonly configuredLevel: LogLevel | null;
  readonly effectiveLevel: LogLevel;
}

/**
 * Which lines are written: one level for all, and levels of their own for contexts (the name that a
 * class gives its `Logger`). Changed while the service runs. A logger made by hand with pino's
 * `child()` and a level keeps that.
 */
export class LogLevels {
  readonly #contexts = new Map<string, LogLevel>();
  /** Contexts that have written, so that `/loggers` can name them. */
  readonly #seen = new Set<string>();
  /** Of the contexts that the configuration names. */
  #configuredContexts: ReadonlyMap<string, LogLevel> = new Map();
  #initial: LogLevel;
  #root: LogLevel;
  #logger: Logger | undefined;

  constructor(root: LogLevel) {
    this.#initial = root;
    this.#root = root;
  }

  /** Makes `logger` follow. */
  attach(logger: Logger): void {
    this.#logger = logger;
  }

  /** Whether a line of this level is written, outside of a context with a level of its own. */
  allows(level: LogLevel): boolean {
    return NUMBERS[level] >= NUMBERS[this.#root];
  }

  /** The same for a line of a context; for pino's `logMethod` hook. */
  allowsLine(fields: unknown, levelNumber: number): boolean {
    const context = contextOf(fields);
    if (context === undefined) return levelNumber >= NUMBERS[this.#root];
    if (this.#seen.size < MAX_CONTEXTS) this.#seen.add(context);
    return levelNumber >= NUMBERS[this.#contexts.get(context) ?? this.#root];
  }

  /** The configuration says this from now on; it wins over what was set for the same loggers before. */
  configure(root: LogLevel, contexts: ReadonlyMap<string, LogLevel>): void {
    if (root !== this.#initial) this.#root = root;
    this.#initial = root;
    for (const context of this.#configuredContexts.keys())
      if (!contexts.has(context)) this.#contexts.delete(context);
    for (const [context, level] of contexts)
      if (this.#configuredContexts.get(context) !== level) this.#contexts.set(context, level);
    this.#configuredContexts = contexts;
    this.#apply();
  }

  /** Level for all; `null` = the configured one. */
  setRoot(level: LogLevel | null): void {
    this.#root = level ?? this.#initial;
    this.#apply();
  }

  /** Level of one context; `null` = the configured one, else as the root. @throws {ServiceError} TOO_MANY_LOG_LEVELS */
  setContext(context: string, level: LogLevel | null): void {
    const configured = this.#configuredContexts.get(context);
    if (level === null && configured !== undefined) this.#contexts.set(context, configured);
    else if (level === null) this.#contexts.delete(context);
    else if (this.#contexts.size < MAX_CONTEXTS || this.#contexts.has(context))
      this.#contexts.set(context, level);
    else throw tooManyLevels();
    this.#apply();
  }

  describeRoot(): LoggerState {
    return { configuredLevel: this.#root, effectiveLevel: this.#root };
  }

  describe(context: string): LoggerState {
    const configuredLevel = this.#contexts.get(context) ?? null;
    return { configuredLevel, effectiveLevel: configuredLevel ?? this.#root };
  }

  /** Every context that has written or has a level, by name. */
  get contexts(): string[] {
    return [...new Set([...this.#seen, ...this.#contexts.keys()])].toSorted();
  }

  /** Pino lets through what any context wants; `allowsLine` decides the rest. */
  #apply(): void {
    if (!this.#logger) return;
    const wanted = new Set([this.#root, ...this.#contexts.values()]);
    this.#logger.level = LOG_LEVELS.find((level) => wanted.has(level)) ?? this.#root;
  }
}

function tooManyLevels(): ServiceError {
  return new ServiceError({
    code: 'FAILED_PRECONDITION',
    reason: 'TOO_MANY_LOG_LEVELS',
    message: `${MAX_CONTEXTS} contexts have a level of their own; reset some with null`,
  });
}

/** The name of the logger that a line comes from. */
export function contextOf(fields: unknown): string | undefined {
  if (typeof fields !== 'object' || fields === null || !('context' in fields)) return undefined;
  return typeof fields.context === 'string' ? fields.context : undefined;
}
