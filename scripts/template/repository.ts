import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from './run-program.ts';
import { TemplateError } from './template-error.ts';

/** Git in one folder. */
export class Repository {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** What git prints, without the line end. */
  async git(...parameters: readonly string[]): Promise<string> {
    return (await runProgram('git', parameters, { cwd: this.root })).trimEnd();
  }

  /** The paths that git prints with `-z`. */
  async paths(...parameters: readonly string[]): Promise<string[]> {
    const text = await runProgram('git', parameters, { cwd: this.root });
    return text.split('\0').filter(Boolean);
  }

  /** The commit that a name stands for; `undefined` when there is none. */
  async commitOf(name: string): Promise<string | undefined> {
    if (name.startsWith('-')) return undefined;
    return this.git('rev-parse', '--quiet', '--verify', '--end-of-options', `${name}^{commit}`).catch(
      () => undefined,
    );
  }

  /** Whether the history of `descendant` has the commit, or it is the same. */
  isAncestor(commit: string, descendant: string): Promise<boolean> {
    return this.git('merge-base', '--is-ancestor', commit, descendant).then(
      () => true,
      () => false,
    );
  }

  /**
   * Makes sure that the tree is what HEAD says and can be written.
   * @throws {TemplateError} when it is not
   */
  async requireClean(): Promise<void> {
    await this.#requireTop();
    const changed = await this.git('status', '--porcelain');
    if (changed)
      throw new TemplateError(`The tree has changes. Commit or stash them first (git stash -u):\n${changed}`);
    const folder = await this.git('rev-parse', '--absolute-git-dir');
    this.#requireWritable(['.', folder]);
  }

  /** @throws {TemplateError} when one of these could not be changed */
  requireWritablePaths(paths: readonly string[]): void {
    this.#requireWritable([...new Set(paths.map((path) => this.#existingFolderOf(path)))]);
  }

  async #requireTop(): Promise<void> {
    let fault = '';
    const top = await this.git('rev-parse', '--show-toplevel').catch((error: Error) => {
      if (error.message.includes('cannot be started')) throw error;
      fault = `\nIf it is one, do what git says: ${error.message}`;
      return '';
    });
    if (top && realpathSync(top) === realpathSync(this.root)) return;
    throw new TemplateError(
      `${this.root} is not the top folder of a git repository, which is what makes a way back. ` +
        `Clone the project, or there: git init && git add -A && git commit -m "chore: start"${fault}`,
    );
  }

  #existingFolderOf(path: string): string {
    const folder = dirname(path);
    return existsSync(join(this.root, folder)) ? folder : this.#existingFolderOf(folder);
  }

  #requireWritable(folders: readonly string[]): void {
    for (const folder of folders) {
      const path = folder.startsWith('/') ? folder : join(this.root, folder);
      try {
        accessSync(path, constants.W_OK);
      } catch {
        throw new TemplateError(`${path} cannot be written. Give yourself the right to, then try again.`);
      }
    }
  }
}
