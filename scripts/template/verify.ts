import { callService } from './call-service.ts';
import { say } from './command.ts';
import { runTests, tellMissingTool } from './run-tests.ts';
import type { Workshop } from './workshop.ts';

/** Quick tests that hold the parts together; `make test` runs all. */
const TESTS = [
  'src/features',
  'test/project/env-example',
  'test/project/error-reasons',
  'test/project/metrics-document',
];

/**
 * Makes sure of the copy: every check, the build, a start with calls to every port, and tests.
 * @throws {TemplateError} with what the first that failed had to say
 */
export async function verify(copy: Workshop): Promise<void> {
  say('checking it (npm run check), running its quick tests');
  const check = copy.run('node', '--run', 'check');
  const tests = runTests(copy, ...TESTS).catch(tellMissingTool);
  // Both come to their end first: nothing may still work in the copy when it is removed.
  for (const result of await Promise.allSettled([check, tests]))
    if (result.status === 'rejected') throw result.reason;
  say('building it, starting it, calling its ports');
  await copy.run('node', '--run', 'build');
  await callService(copy);
}
