/** `npm run upgrade -- --from <checkout or tag>`: replaces the chassis half by a newer one. */
import { resolve } from 'node:path';
import { readOptions, runCommand } from './command.ts';
import { Repository } from './repository.ts';
import { reportUpgrade } from './report-upgrade.ts';
import { TemplateError } from './template-error.ts';
import { upgradeChassis, type Upgrade } from './upgrade-chassis.ts';
import { verify } from './verify.ts';
import { Workshop } from './workshop.ts';

const HELP = `Replaces the chassis half of the project by that of another version of the template; UPGRADING.md says
whose files are whose. Features are never touched, files that you added to the chassis stay, files of it that you
changed become the template's and are listed, shared files are merged.

  npm run upgrade -- --from <checkout or tag> [--base <commit>] [--no-verify]

  --from ../template   a folder with a git checkout of the template (its HEAD counts), or a tag that
                       "git fetch" brought here
  --base v0.1.0        the template's version that the project is of, where package.json does not record it
  --no-verify          leave out the checks, the start and the quick tests of the result

The tree must have no changes before; what changed is staged for you to look at and commit.`;

const PROJECT = resolve(import.meta.dirname, '../..');

await runCommand('upgrade', HELP, async (interrupted) => {
  const { values } = readOptions({
    options: {
      from: { type: 'string' },
      base: { type: 'string' },
      verify: { type: 'boolean', default: true },
    },
    allowNegative: true,
  });
  const { from, base } = values;
  if (!from) throw new TemplateError('--from is missing, as in: npm run upgrade -- --from ../template');
  const project = new Repository(PROJECT);
  const done: Upgrade[] = [];
  const changed = await Workshop.use(project, interrupted, async (copy) => {
    const upgrade = await upgradeChassis(copy, from, base);
    if (values.verify) await verify(copy);
    await copy.lend(upgrade.base.renamed, upgrade.newer.renamed);
    done.push(upgrade);
  });
  for (const upgrade of done) reportUpgrade(upgrade, changed, await project.git('rev-parse', 'HEAD'));
});
