import { Logger } from '@nestjs/common';
import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';

/** Certificate and key are two files: what tells of a change waits for this long for the other one, in milliseconds. */
const QUIET_MS = 200;

/**
 * Tells that files may have changed. It watches their folders, which sees a rewritten file, one that is renamed into
 * place and Kubernetes' `..data` link alike; what no folder tells (network file systems) is found by looking.
 */
export class FileWatch {
  readonly #logger = new Logger(FileWatch.name);
  readonly #watchers: FSWatcher[] = [];
  #interval: NodeJS.Timeout | undefined;
  #quiet: NodeJS.Timeout | undefined;

  constructor(
    private readonly paths: readonly string[],
    private readonly intervalMs: number,
    private readonly onPerhaps: () => void,
  ) {}

  start(): void {
    this.#interval = setInterval(this.onPerhaps, this.intervalMs).unref();
    for (const folder of new Set(this.paths.map((path) => dirname(path)))) this.#watch(folder);
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#quiet);
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#wait());
      watcher.on('error', (error) => this.#doWithout(folder, error));
      this.#watchers.push(watcher);
    } catch (error) {
      this.#doWithout(folder, error);
    }
  }

  #wait(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(this.onPerhaps, QUIET_MS).unref();
  }

  #doWithout(folder: string, error: unknown): void {
    this.#logger.warn(
      { err: error, folder, interval_ms: this.intervalMs },
      'folder of TLS files cannot be watched; its files are read from time to time',
    );
  }
}
