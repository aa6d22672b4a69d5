import { statSync, watch, type FSWatcher } from 'node:fs';

export interface FileWatchOptions {
  /** Folders to watch: an event in one of them tells of a rewritten file, a renamed one and Kubernetes' `..data` link alike. */
  readonly folders: readonly string[];
  /** Names that matter, besides those that begin with two dots. @default all */
  readonly names?: readonly string[];
  /** Time between two looks that nothing asked for, in milliseconds: network file systems tell of nothing. */
  readonly intervalMs: number;
  /** What tells of a change waits for so long for the rest of it, in milliseconds. */
  readonly quietMs: number;
  /** Something may have changed. */
  readonly onPerhaps: () => void;
  /** A folder cannot be watched; its files are looked at from time to time. */
  readonly onUnwatched?: (folder: string, error: unknown) => void;
}

/** Tells that files may have changed: by the system's events, and by looking from time to time. */
export class FileWatch {
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  readonly #told = new Set<string>();
  #interval: NodeJS.Timeout | undefined;
  #quiet: NodeJS.Timeout | undefined;

  constructor(private readonly options: FileWatchOptions) {}

  start(): void {
    this.#interval = setInterval(() => this.#look(), this.options.intervalMs).unref();
    this.#watchAll();
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#quiet);
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #look(): void {
    this.#watchAll();
    this.options.onPerhaps();
  }

  /** A folder that was replaced by another of its name is watched anew. */
  #watchAll(): void {
    for (const folder of new Set(this.options.folders)) {
      const watched = this.#watchers.get(folder);
      const inode = inodeOf(folder);
      if (watched && watched.inode === inode) continue;
      watched?.watcher.close();
      this.#watchers.delete(folder);
      this.#watch(folder, inode);
    }
  }

  #watch(folder: string, inode: number | undefined): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => this.#hear(name));
      watcher.on('error', (error) => this.#lose(folder, error));
      this.#watchers.set(folder, { watcher, inode: inode ?? 0 });
      this.#told.delete(folder);
    } catch (error) {
      this.#lose(folder, error);
    }
  }

  #lose(folder: string, error: unknown): void {
    this.#watchers.get(folder)?.watcher.close();
    this.#watchers.delete(folder);
    if (this.#told.has(folder)) return;
    this.#told.add(folder);
    this.options.onUnwatched?.(folder, error);
  }

  #hear(name: string | null): void {
    const { names, quietMs, onPerhaps } = this.options;
    if (name !== null && names && !names.includes(name) && !name.startsWith('..')) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(onPerhaps, quietMs).unref();
  }
}

/** `undefined` for a folder that is not there, or that the system cannot tell of: whoever watches it hears why. */
function inodeOf(folder: string): number | undefined {
  try {
    return statSync(folder).ino;
  } catch {
    return undefined;
  }
}
