import { pino, symbols, type DestinationStream, type Logger } from 'pino';
import { listOf, redactJson, type Config } from '../config/index.js';
import { currentScope } from '../context/index.js';
import { whyOf } from '../errors/primary.js';
import type { LineBuffer } from './line-buffer.js';
import { contextOf, LogLevels, type LogLevel } from './log-levels.js';
import { LogOutput } from './log-output.js';
import { readableLines } from './readable-lines.js';
import { scopeFields } from './scope-fields.js';

const STANDARD_OUTPUT = 1;

/** The service's log: who writes it, what is written, where it goes. */
export interface Logging {
  readonly logger: Logger;
  readonly levels: LogLevels;
  /** Where JSON lines go as they are; `undefined` when lines are made readable first. */
  readonly json: { writeLine(line: Pick<LineBuffer, 'bytes' | 'length'>): void } | undefined;
  /** What every line says of the service. */
  readonly base: Readonly<Record<string, string | number>>;
  /** Lines that were lost: their reader was too slow, or gone. */
  readonly dropped: () => number;
}

/**
 * The service's log: one JSON object a line, readable lines in development. Lines written inside a
 * call bear its `request_id` and the ids of its trace and of the span at work.
 * @param destination where JSON lines go; default: standard output
 * @param worker number of this worker, where several serve
 */
export function createLogging(config: Config, destination?: DestinationStream, worker?: number): Logging {
  const levels = new LogLevels(config.get('LOG_LEVEL'));
  const output = new LogOutput(STANDARD_OUTPUT);
  const isPretty = !destination && wantsPretty(config);
  const base = { ...baseFields(config), ...(worker !== undefined && { worker }) };
  const logger = createLogger(
    config,
    levels,
    base,
    isPretty ? readableLines(output) : (destination ?? output),
  );
  levels.attach(logger);
  levels.configure(config.get('LOG_LEVEL'), levelsOf(config.get('LOG_LEVELS')));
  config.onChange(['LOG_LEVEL', 'LOG_LEVELS'], ({ next }) => {
    levels.configure(next.LOG_LEVEL, levelsOf(next.LOG_LEVELS));
  });
  const json = destination ? linesTo(destination) : output;
  return { logger, levels, json: isPretty ? undefined : json, base, dropped: () => output.dropped };
}

function levelsOf(pairs: string): ReadonlyMap<string, LogLevel> {
  return new Map(listOf(pairs).map((pair) => pair.split('=') as [string, LogLevel]));
}

function linesTo(destination: DestinationStream): NonNullable<Logging['json']> {
  return { writeLine: ({ bytes, length }) => destination.write(bytes.toString('utf8', 0, length)) };
}

function createLogger(
  config: Config,
  levels: LogLevels,
  base: Logging['base'],
  destination: DestinationStream,
): Logger {
  const logger = pino(
    {
      level: config.get('LOG_LEVEL'),
      base,
      timestamp: clock(),
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => scopeFields(currentScope()),
      // Pino's own strategy writes a line's fields into what `mixin` returned, and so into every later line.
      mixinMergeStrategy: (fields, callFields) => ({ ...callFields, ...fields }),
      hooks: {
        logMethod(parameters, write, level) {
          if (isLed(this, logger) && !levels.allowsLine(parameters[0], level)) return;
          try {
            write.apply(this, parameters);
          } catch (error) {
            // A getter that throws, as of a model or of an error, is no failure of the call that logs.
            const [fields, text = 'a log line without its fields'] = parameters;
            write.call(this, { context: contextOf(fields), unwritten: whyOf(error) }, text);
          }
        },
        // Instead of pino's `redact`, which reads its paths anew for every line: that was two thirds of its cost.
        streamWrite: redactJson,
      },
    },
    destination,
  );
  // For `%j` and `%o`: inside of a message, JSON is a text like others.
  return Object.assign(logger, { [symbols.formatOptsSym]: { stringify: redactedJson } });
}

/** Whether `logger` has the level of `root`: pino's children inherit it, unless they were made with their own. */
function isLed(logger: Logger, root: Logger): boolean {
  let owner: object = logger;
  while (!Object.hasOwn(owner, symbols.levelValSym)) owner = Object.getPrototypeOf(owner) as object;
  return owner === root;
}

/** `,"time":"…"` of now; what comes within a millisecond shares it. */
function clock(): () => string {
  let last = NaN;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== last) {
      last = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

function redactedJson(value: unknown): string {
  try {
    return redactJson(JSON.stringify(value) ?? 'undefined');
  } catch {
    return '"[cannot be written as JSON]"';
  }
}

function baseFields(config: Config): { service: string; version: string; env: string } {
  return {
    service: config.get('SERVICE_NAME'),
    version: config.get('SERVICE_VERSION'),
    env: config.get('APP_ENV'),
  };
}

function wantsPretty(config: Config): boolean {
  const format = config.get('LOG_FORMAT');
  return format === 'pretty' || (format === 'auto' && config.get('APP_ENV') === 'development');
}
