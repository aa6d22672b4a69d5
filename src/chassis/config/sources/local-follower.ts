import { isDeepStrictEqual } from 'node:util';
import { FileWatch } from '../file-watch.js';
import type { ConfigSource } from '../config.js';
import { whyOf } from '../../errors/primary.js';
import type { FollowedSource } from './followed-source.js';
import type { LocalSource } from './local-source.js';
import type { Values } from './values.js';

/** A file is written and renamed, or several are: they are read once when it is over, in milliseconds. */
const QUIET_MS = 50;

/** Keeps what a file or a folder said when it could be read last. */
export class LocalFollower implements FollowedSource {
  readonly isRemote = false;
  #values: Values = {};
  #fault: string | undefined;
  #watch: FileWatch | undefined;
  #onTurn: (source: FollowedSource) => void = () => undefined;

  constructor(
    private readonly source: LocalSource,
    private readonly intervalMs: number,
  ) {}

  get name(): ConfigSource {
    return this.source.name;
  }

  get values(): Values {
    return this.#values;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  async look(): Promise<void> {
    this.read();
  }

  follow(onTurn: (source: FollowedSource) => void): void {
    this.#onTurn = onTurn;
    const { folder, file } = this.source;
    this.#watch = new FileWatch({
      folders: [folder],
      ...(file !== undefined && { names: [file] }),
      intervalMs: this.intervalMs,
      quietMs: QUIET_MS,
      onPerhaps: () => this.read(),
    });
    this.#watch.start();
    // What changed between the first look and the watch.
    this.read();
  }

  stop(): void {
    this.#watch?.stop();
  }

  /** Reads it at once. */
  read(): void {
    const [previous, fault] = [this.#values, this.#fault];
    try {
      const values = this.source.read();
      if (!isDeepStrictEqual(values, previous)) this.#values = values;
      this.#fault = undefined;
    } catch (error) {
      this.#fault = whyOf(error);
    }
    if (this.#values !== previous || this.#fault !== fault) this.#onTurn(this);
  }
}
