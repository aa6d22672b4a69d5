import { featuresOf } from './feature.ts';
import { callService } from './call-service.ts';
import { say } from './command.ts';
import type { Workshop } from './workshop.ts';

/**
 * Makes sure of the copy: every check, the build, a start with calls to every port, and the tests of units and
 * features where there is a PostgreSQL server for them.
 * @throws {TemplateError} with what the first that failed had to say
 */
export async function verify(copy: Workshop): Promise<void> {
  say('checking: npm run check');
  await copy.run('npm', 'run', '--silent', 'check');
  say('building and starting the service, calling its ports');
  await copy.run('npm', 'run', '--silent', 'build');
  await callService(copy);
}
