import { runTests, tellMissingTool } from './run-tests.ts';
import type { Workshop } from './workshop.ts';

/** Makes anew what is made from the code: generated code, contracts and dashboards. */
export async function regenerate(copy: Workshop): Promise<void> {
  await copy.run('node', '--run', 'contract');
  await copy.run('npm', 'run', '--silent', '--if-present', 'dashboards');
}

/** Writes `.env.example`, `docs/configuration-keys.md` and `docs/metrics.md` anew, from a service that is started for it. */
export async function updateSnapshots(copy: Workshop): Promise<void> {
  const tests = ['test/project/env-example', 'test/project/metrics-document'];
  // One worker, which loads what both of them need once.
  await runTests(copy, '--update', '--maxWorkers=1', '--no-isolate', ...tests).catch(tellMissingTool);
}

/** Formats what the command changed: names and lists have other lengths than before. */
export async function format(copy: Workshop): Promise<void> {
  await copy.git('add', '--all');
  const changed = await copy.paths('diff', '--cached', '--name-only', '--diff-filter=d', '-z', 'HEAD');
  if (changed.length > 0)
    await copy.run('prettier', '--write', '--ignore-unknown', '--log-level', 'warn', ...changed);
}
