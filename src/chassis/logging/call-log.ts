import type { Config } from '../config/index.js';
import type { Call, CallObserver } from '../context/index.js';
import type { Code } from '../errors/index.js';
import { callFields, CallLineWriter } from './call-line.js';
import type { Logging } from './create-logging.js';
import type { LogLevel } from './log-levels.js';

/** 16 hexadecimal digits are random in every trace id; the last 8 are enough to choose by. */
const CHOICE_DIGITS = 8;
const CHOICES = 16 ** CHOICE_DIGITS;

/** One line ends every call, of both transports, also of those that were refused. */
export class CallLog implements CallObserver {
  /** Lines of successful calls that were left out by LOG_CALL_SAMPLE_RATIO. */
  leftOut = 0;
  #ratio: number;
  readonly #writer: CallLineWriter;

  constructor(
    config: Config,
    private readonly logging: Logging,
  ) {
    this.#ratio = config.get('LOG_CALL_SAMPLE_RATIO');
    config.onChange(['LOG_CALL_SAMPLE_RATIO'], ({ next }) => {
      this.#ratio = next.LOG_CALL_SAMPLE_RATIO;
    });
    this.#writer = new CallLineWriter(logging.base);
  }

  closed(call: Call): void {
    const level = levelOf(call.code);
    const { levels, json, logger } = this.logging;
    if (!levels.allows(level)) return;
    if (call.code === 'OK' && !this.#isChosen(call)) this.leftOut += 1;
    else if (json) json.writeLine(this.#writer.write(call, level));
    else logger[level](callFields(call), 'call');
  }

  /** By the trace id, where there is one: then services with the same ratio keep the same calls. */
  #isChosen(call: Call): boolean {
    if (this.#ratio === 1) return true;
    const traceId = call.span?.spanContext().traceId;
    const choice = traceId ? parseInt(traceId.slice(-CHOICE_DIGITS), 16) / CHOICES : Math.random();
    return choice < this.#ratio;
  }
}

/** Faults of ours are errors; what a caller did wrong is part of a normal day. */
function levelOf(code: Code | 'OK'): Exclude<LogLevel, 'silent'> {
  switch (code) {
    case 'INTERNAL':
    case 'UNKNOWN':
    case 'DATA_LOSS':
    case 'UNAVAILABLE':
      return 'error';
    case 'DEADLINE_EXCEEDED':
      return 'warn';
    default:
      return 'info';
  }
}
