import type { Repository } from './repository.ts';
import { TemplateError } from './template-error.ts';

/** Where the template stays reachable for `npm run upgrade`. */
const TEMPLATE_REMOTE = 'template';

/** @throws {TemplateError} when git does not know who commits */
export async function requireIdentity(project: Repository): Promise<void> {
  await project.git('var', 'GIT_COMMITTER_IDENT').catch(() => {
    throw new TemplateError(
      '--reset-git makes a commit, and git does not know whose: set user.name and user.email with git config.',
    );
  });
}

/**
 * Replaces the history of the current branch by one commit of what is staged. The template's tags go, since
 * versions are counted anew; its remote `origin` becomes `template`.
 * @returns the commit that the branch had before
 */
export async function resetHistory(project: Repository, message: string): Promise<string> {
  const before = await project.git('rev-parse', 'HEAD');
  const tree = await project.git('write-tree');
  const commit = await project.git('commit-tree', '-m', message, tree);
  await project.git('update-ref', '-m', 'init: new history', 'HEAD', commit, before);
  const tags = (await project.git('tag', '--list')).split('\n').filter(Boolean);
  if (tags.length > 0) await project.git('tag', '--delete', ...tags);
  const remotes = (await project.git('remote')).split('\n');
  if (remotes.includes('origin') && !remotes.includes(TEMPLATE_REMOTE))
    await project.git('remote', 'rename', 'origin', TEMPLATE_REMOTE);
  return before;
}
