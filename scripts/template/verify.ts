import { callService } from './call-service.ts';
import { say } from './command.ts';
import { TemplateError } from './template-error.ts';
import type { Workshop } from './workshop.ts';

/** Quick tests that hold the parts together; `make test` runs all. */
const TESTS = [
  'src',
  'test/project/env-example',
  'test/project/error-reasons',
  'test/project/metrics-document',
];

/**
 * Makes sure of the copy: every check, the build, a start with calls to every port, and tests.
 * @throws {TemplateError} with what the first that failed had to say
 */
export async function verify(copy: Workshop): Promise<void> {
  say('checking it (npm run check)');
  await copy.run('npm', 'run', '--silent', 'check');
  say('building it, starting it, calling its ports');
  await copy.run('npm', 'run', '--silent', 'build');
  await callService(copy);
  say('running its quick tests');
  await copy.run('vitest', 'run', ...TESTS).catch(tellMissingTool);
}

/** Tests without their server are told of, not failed; anything else is thrown again. */
export function tellMissingTool(error: unknown): void {
  if (!(error instanceof TemplateError && error.message.includes('no "initdb"'))) throw error;
  say('not run: the tests need a PostgreSQL server, which "make test" installs');
}
