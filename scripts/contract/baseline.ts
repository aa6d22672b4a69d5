import { run } from './program.ts';
import { UserError } from './user-error.ts';

/** What the contracts are compared with. */
export interface Baseline {
  /** As a person would name it: a tag, the ref that was asked for, or `HEAD`. */
  readonly name: string;
  readonly commit: string;
  /** False for the last commit, taken because nothing has been released. */
  readonly isReleased: boolean;
}

/**
 * The commit behind `against`; without it the last release, which is the nearest tag `v<number>…` that is no
 * pre-release; without any release the last commit; `undefined` when there is no commit either.
 * @throws UserError outside of a git repository, for an unknown ref, and for a clone that was cut short
 */
export async function findBaseline(root: string, against?: string): Promise<Baseline | undefined> {
  await assertRepository(root);
  if (against !== undefined)
    return { name: against, commit: await commitOf(root, against), isReleased: true };
  const tag = await git(root, 'describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*', '--exclude', '*-*');
  if (tag !== undefined) return { name: tag, commit: await commitOf(root, tag), isReleased: true };
  await assertWhole(root);
  const head = await git(root, 'rev-parse', '--verify', '--quiet', 'HEAD');
  return head === undefined ? undefined : { name: 'HEAD', commit: head, isReleased: false };
}

/** A file as the commit has it, `undefined` where it has none. `path` is relative to `root`. */
export async function fileAt({ commit }: Baseline, root: string, path: string): Promise<Buffer | undefined> {
  const { code, stdout } = await run('git', ['show', `${commit}:./${path}`], root);
  return code === 0 ? stdout : undefined;
}

async function assertRepository(root: string): Promise<void> {
  const { stdout, stderr } = await run('git', ['rev-parse', '--is-inside-work-tree'], root);
  if (stdout.toString().trim() === 'true') return;
  throw new UserError(
    `${root} is no git repository: the contracts are compared with an earlier commit. Run this in a clone, or "git init" and commit.\n` +
      `If it is one, do what git says: ${stderr.trim()}`,
  );
}

/** A shallow clone without a tag may belong to a project with a hundred releases: silence would be a lie. */
async function assertWhole(root: string): Promise<void> {
  if ((await git(root, 'rev-parse', '--is-shallow-repository')) !== 'true') return;
  throw new UserError(
    'This clone is shallow and has no release tag (v…), so the last release cannot be found. Run "git fetch --unshallow --tags" (CI: fetch the whole history), or name a commit: npm run contract:check -- --against <ref>.',
  );
}

async function commitOf(root: string, ref: string): Promise<string> {
  const commit = await git(root, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`);
  if (commit !== undefined) return commit;
  throw new UserError(
    `git knows no commit "${ref}". "git tag --list 'v*'" lists the releases here, "git fetch --tags" gets those of the remote.`,
  );
}

async function git(root: string, ...parameters: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await run('git', parameters, root);
  return code === 0 ? stdout.toString().trim() : undefined;
}
