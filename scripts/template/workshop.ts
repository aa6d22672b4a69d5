import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyBuild } from './copy-build.ts';
import { Repository } from './repository.ts';
import { runProgram } from './run-program.ts';
import { TemplateError } from './template-error.ts';

/** Whoever commits in the copy: these commits are never seen. */
const IDENTITY = [
  '-c',
  'user.name=template',
  '-c',
  'user.email=template@localhost',
  '-c',
  'commit.gpgsign=false',
];

/**
 * A copy of the project, made by git, in which a command works: the project itself changes in one step at the
 * end, or not at all.
 */
export class Workshop extends Repository {
  readonly #project: Repository;
  readonly #head: string;
  readonly interrupted: AbortSignal;

  private constructor(root: string, project: Repository, head: string, interrupted: AbortSignal) {
    super(root);
    this.#project = project;
    this.#head = head;
    this.interrupted = interrupted;
  }

  /**
   * Copies the project, lets `work` change the copy, takes the result over and removes the copy.
   * @returns the paths that changed; they are staged, not committed
   * @throws {TemplateError} when the project was not clean, before or when the result was to be taken over
   */
  static async use(
    project: Repository,
    interrupted: AbortSignal,
    work: (copy: Workshop) => Promise<void>,
  ): Promise<string[]> {
    await project.requireClean();
    const root = mkdtempSync(join(tmpdir(), 'template-'));
    try {
      const copy = new Workshop(root, project, await project.git('rev-parse', 'HEAD'), interrupted);
      await copy.#fill();
      await work(copy);
      return await copy.#handOver();
    } finally {
      rmSync(root, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** A program of `node_modules/.bin` or the machine, in the copy. */
  async run(name: string, ...parameters: readonly string[]): Promise<string> {
    return runProgram(name, parameters, { cwd: this.root, interrupted: this.interrupted });
  }

  /** Commits what the copy holds now; its id. */
  async commit(): Promise<string> {
    await this.git('add', '--all');
    await this.git(...IDENTITY, 'commit', '--quiet', '--allow-empty', '--no-verify', '--message', 'work');
    return this.git('rev-parse', 'HEAD');
  }

  /** Lets the project see these commits of the copy, so that `git diff` can show them later. */
  async lend(...commits: readonly string[]): Promise<void> {
    for (const commit of commits) await this.git('update-ref', `refs/lent/${commit}`, commit);
    const fetch = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head'];
    await this.#project.git(...fetch, this.root, ...commits);
  }

  async #fill(): Promise<void> {
    const { root } = this.#project;
    await this.git('clone', '--quiet', '--shared', '--no-checkout', root, '.');
    await this.git('checkout', '--quiet', '--detach', this.#head);
    symlinkSync(join(root, 'node_modules'), join(this.root, 'node_modules'));
    // The compiler goes on from what was built before.
    if (existsSync(join(root, 'dist'))) copyBuild(root, this.root);
  }

  async #handOver(): Promise<string[]> {
    const commit = await this.commit();
    const project = this.#project;
    const diff = ['diff', '--name-only', '--no-renames', '-z'];
    const changed = await this.paths(...diff, this.#head, commit);
    const added = await this.paths(...diff, '--diff-filter=A', this.#head, commit);
    await this.#requireUnchanged();
    project.requireWritablePaths(changed);
    this.interrupted.throwIfAborted();
    await this.lend(commit);
    // From here on an interrupt waits: the programs have process groups of their own.
    await project.git('read-tree', '-m', '-u', this.#head, commit).catch(async (error: unknown) => {
      await this.#restore(changed, added);
      throw error;
    });
    return changed;
  }

  async #requireUnchanged(): Promise<void> {
    await this.#project.requireClean();
    if ((await this.#project.git('rev-parse', 'HEAD')) === this.#head) return;
    throw new TemplateError('The project got a new commit meanwhile; nothing was changed. Start again.');
  }

  /** What was written before it failed goes back to what it was. */
  async #restore(changed: readonly string[], added: readonly string[]): Promise<void> {
    const project = this.#project;
    for (const path of added) rmSync(join(project.root, path), { force: true });
    const had = changed.filter((path) => !added.includes(path));
    await project.git('read-tree', this.#head);
    if (had.length > 0) await project.git('checkout', '--quiet', this.#head, '--', ...had);
  }
}
