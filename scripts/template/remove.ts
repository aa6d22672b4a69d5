/** `npm run remove -- <feature>`: takes a feature out of the project. */
import { resolve } from 'node:path';
import { readOptions, runCommand, say } from './command.ts';
import { readFeature } from './feature.ts';
import { format, regenerate, updateSnapshots } from './regenerate.ts';
import { Repository } from './repository.ts';
import { TemplateError } from './template-error.ts';
import { verify } from './verify.ts';
import { Workshop } from './workshop.ts';

const HELP = `Takes a feature out of the project: its folder, proto, generated code, tests, dashboard row, what its
feature.json names, its import in src/app.module.ts, and what the contracts and dashboards have of it.

  npm run remove -- <feature> [--no-verify]

  --no-verify   leave out the checks, the start and the quick tests of the result

The tree must have no changes before; what changed is staged for you to look at and commit.
Tables of the feature stay in your databases.`;

const PROJECT = resolve(import.meta.dirname, '../..');

await runCommand('remove', HELP, async (interrupted) => {
  const { values, positionals } = readOptions({
    options: { verify: { type: 'boolean', default: true } },
    allowNegative: true,
    allowPositionals: true,
  });
  const [name, ...more] = positionals;
  if (!name || more.length > 0)
    throw new TemplateError('Give the name of one feature, as in: npm run remove -- orders');
  readFeature(PROJECT, name);
  // Not before the packages are known to be there.
  const { removeFeature } = await import('./remove-feature.ts');
  const changed = await Workshop.use(new Repository(PROJECT), interrupted, async (copy) => {
    say(`removing ${name}`);
    await removeFeature(copy, name);
    await regenerate(copy);
    await updateSnapshots(copy);
    await format(copy);
    if (values.verify) await verify(copy);
  });
  console.log(`Removed ${name}: ${changed.length} files changed, staged (git status).`);
  if (changed.includes('package-lock.json')) console.log('Packages went too: npm ci');
});
