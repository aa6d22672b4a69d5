import { say } from './command.ts';
import { TemplateError } from './template-error.ts';
import type { Workshop } from './workshop.ts';

/** A command is not the place to find a machine too slow. */
const TIMEOUT_MS = 120_000;

/** Runs some of the copy's tests. */
export async function runTests(copy: Workshop, ...parameters: readonly string[]): Promise<void> {
  await copy.run('vitest', 'run', `--test-timeout=${TIMEOUT_MS}`, ...parameters);
}

/** Tests without their server are told of, not failed; anything else is thrown again. */
export function tellMissingTool(error: unknown): void {
  if (!(error instanceof TemplateError && error.message.includes('no "initdb"'))) throw error;
  say('not run: the tests need a PostgreSQL server, which "make test" installs');
}
