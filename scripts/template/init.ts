/** `npm run init -- --name <service>`: makes a fresh clone of the template a service of its own. */
import { resolve } from 'node:path';
import { readOptions, runCommand, say } from './command.ts';
import { requireIdentity, resetHistory } from './history.ts';
import type { Wishes } from './initialise.ts';
import { requireFeatureName, requireScope, requireServiceName } from './names.ts';
import { Repository } from './repository.ts';
import { requireReset } from './resets.ts';
import { TemplateError } from './template-error.ts';
import { verify } from './verify.ts';
import { Workshop } from './workshop.ts';

const HELP = `Makes this clone of the template a service of its own.

  npm run init -- --name <service> [options]

  --name payments     the service: package, image, metrics, logs, dashboards, documents
  --scope @acme       npm scope of the package; other places do without
  --domain payment    a fresh feature of this name instead of the sample
  --reset-changelog   an empty CHANGELOG.md and version 0.1.0
  --reset-git         one commit instead of the template's history and tags; the remote origin becomes template
  --no-verify         leave out the checks, the start and the quick tests of the result

The tree must have no changes before. Without --reset-git what changed is staged for you to look at and commit.
The same command again changes nothing; the resets are for the first one.`;

const PROJECT = resolve(import.meta.dirname, '../..');

await runCommand('init', HELP, async (interrupted) => {
  const { values } = readOptions({
    options: {
      name: { type: 'string' },
      scope: { type: 'string' },
      domain: { type: 'string' },
      'reset-changelog': { type: 'boolean', default: false },
      'reset-git': { type: 'boolean', default: false },
      verify: { type: 'boolean', default: true },
    },
    allowNegative: true,
  });
  if (values.name === undefined)
    throw new TemplateError('--name is missing, as in: npm run init -- --name payments');
  requireServiceName(values.name);
  if (values.scope !== undefined) requireScope(values.scope);
  if (values.domain !== undefined) requireFeatureName(values.domain);
  const wishes: Wishes = {
    name: { service: values.name, scope: values.scope },
    domain: values.domain,
    resetsChangelog: values['reset-changelog'],
  };
  // Not before the packages are known to be there.
  const { initialise, isInitialised } = await import('./initialise.ts');
  const project = new Repository(PROJECT);
  if (isInitialised(PROJECT, wishes)) {
    await requireReset(project, { git: values['reset-git'], changelog: values['reset-changelog'] });
    return console.log(`This is ${values.name} already; nothing to do.`);
  }
  if (values['reset-git']) await requireIdentity(project);
  const changed = await Workshop.use(project, interrupted, async (copy) => {
    await initialise(copy, wishes);
    if (values.verify) await verify(copy);
  });
  console.log(`This is ${values.name} now: ${changed.length} files changed, staged (git status).`);
  if (values['reset-git']) await startHistory(project, values.name);
});

async function startHistory(project: Repository, name: string): Promise<void> {
  const before = await resetHistory(project, `chore: start ${name}`);
  say(`committed as the first commit; the old history is still at ${before} (git branch old ${before})`);
}
