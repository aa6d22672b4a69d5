import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * What files were, to put them back at the end of the block of `using`, unless the command has ended
 * well and called `forget`.
 */
export class Undo implements Disposable {
  /** Text by path; `undefined` for a file that was not there. */
  readonly #before = new Map<string, Buffer | undefined>();
  readonly #folders = new Set<string>();
  readonly #interruption = new AbortController();
  readonly #onSignal = (): void => this.#interruption.abort();
  readonly #root: string;

  /** @param root folder that the paths are of */
  constructor(root: string) {
    this.#root = root;
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** Aborts at SIGINT, SIGTERM and SIGHUP, which end nothing by themselves meanwhile: what runs has to end for it. */
  get interruption(): AbortSignal {
    return this.#interruption.signal;
  }

  /** Remembers a file before it is written. */
  remember(path: string): void {
    if (this.#before.has(path)) return;
    const file = join(this.#root, path);
    this.#before.set(path, existsSync(file) ? readFileSync(file) : undefined);
  }

  /** Remembers all files of a folder; what appears there is removed. */
  rememberFolder(path: string): void {
    this.#folders.add(path);
    for (const file of filesIn(this.#root, path)) this.remember(file);
  }

  /** The command has ended well. */
  forget(): void {
    this.#before.clear();
    this.#folders.clear();
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    for (const folder of this.#folders)
      for (const file of filesIn(this.#root, folder))
        if (!this.#before.has(file)) this.#before.set(file, undefined);
    for (const [path, text] of this.#before) this.#restore(path, text);
  }

  #restore(path: string, text: Buffer | undefined): void {
    const file = join(this.#root, path);
    if (text === undefined) {
      rmSync(file, { force: true });
      this.#removeEmpty(dirname(path));
    } else if (!existsSync(file) || !readFileSync(file).equals(text)) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }

  #removeEmpty(folder: string): void {
    const path = join(this.#root, folder);
    if (folder === '.' || !existsSync(path) || readdirSync(path).length > 0) return;
    rmdirSync(path);
    this.#removeEmpty(dirname(folder));
  }
}

function filesIn(root: string, folder: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => statSync(join(root, file)).isFile());
}
