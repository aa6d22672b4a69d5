import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { TemplateError } from './template-error.ts';

class Interrupt extends Error {
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Ended by ${signal}; nothing was changed.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Runs `npm run <name>`. What the user can put right is one message on standard error and exit code 1; an
 * interrupt gives 128 and the signal's number, as a shell does.
 */
export async function runCommand(
  name: string,
  help: string,
  main: (interrupted: AbortSignal) => Promise<void>,
): Promise<void> {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupt.abort(new Interrupt(signal)));
  try {
    if (process.argv.includes('--help')) console.log(help);
    else {
      requirePackages();
      await main(interrupt.signal);
    }
  } catch (error) {
    if (!(error instanceof TemplateError || error instanceof Interrupt)) throw error;
    console.error(`npm run ${name}: ${error.message}`);
    process.exitCode = error instanceof Interrupt ? error.exitCode : 1;
  }
}

/**
 * The command line's options.
 * @throws {TemplateError} when one is unknown or lacks its value
 */
export function readOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new TemplateError(`${(error as Error).message}. --help lists the options.`);
  }
}

function requirePackages(): void {
  if (existsSync(new URL('../../node_modules', import.meta.url))) return;
  throw new TemplateError('node_modules is missing. Run "npm ci" first.');
}

/** Says what is done now. */
export function say(step: string): void {
  console.log(`- ${step}`);
}
