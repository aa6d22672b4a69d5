import { createRequire } from 'node:module';
import type { LogOutput } from './log-output.js';

const require = createRequire(import.meta.url);

/** Lines for people, made of JSON ones on their way to `output`. pino-pretty is loaded where it is wanted, nowhere else. */
export function readableLines(output: LogOutput): Pick<LogOutput, 'write' | 'flushSync'> {
  const { prettyFactory } = require('pino-pretty') as typeof import('pino-pretty');
  const makeReadable = prettyFactory({ ignore: 'service,version,env', translateTime: 'SYS:HH:MM:ss.l' });
  return {
    write: (line) => output.write(textOf(line, makeReadable)),
    flushSync: () => output.flushSync(),
  };
}

/** A line that is too deep for pino-pretty stays what it is. */
function textOf(line: string, makeReadable: (line: string) => string): string {
  try {
    return makeReadable(line);
  } catch {
    return line;
  }
}
