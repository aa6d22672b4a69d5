import { Injectable } from '@nestjs/common';
import { basename, dirname } from 'node:path';
import { Config, FileWatch, readRegularFile } from '../config/index.js';
import { parseManifest, unreadableManifest, type PluginManifest } from './plugin-manifest.js';

/** What tells of a change waits for so long for the rest of it, in milliseconds. */
const QUIET_MS = 50;

/** The file of PLUGINS_MANIFEST: reads it, and tells when it has changed since it was read last. */
@Injectable()
export class ManifestFile {
  /** What was read last; `undefined` when it could not be. */
  #text: string | undefined;
  #path = '';
  #watch: FileWatch | undefined;

  constructor(private readonly config: Config) {}

  /** @throws {Error} saying what is wrong with it and where, without its values */
  read(path: string): PluginManifest {
    this.#text = undefined;
    if (path === '') return { folder: '', plugins: [] };
    try {
      this.#text = readRegularFile(path).toString();
    } catch (error) {
      throw unreadableManifest(path, error as NodeJS.ErrnoException);
    }
    return parseManifest(path, this.#text);
  }

  /** From now on calls `onChange` for the file of this path, and of no other. */
  follow(path: string, onChange: () => void): void {
    if (path === this.#path) return;
    this.stop();
    this.#path = path;
    if (path === '') return;
    this.#watch = new FileWatch({
      folders: [dirname(path)],
      names: [basename(path)],
      intervalMs: this.config.get('CONFIG_POLL_INTERVAL_MS'),
      quietMs: QUIET_MS,
      onPerhaps: () => this.#look(path, onChange),
    });
    this.#watch.start();
    // What changed between the reading and the watch.
    this.#look(path, onChange);
  }

  stop(): void {
    this.#watch?.stop();
  }

  #look(path: string, onChange: () => void): void {
    if (readOrNothing(path) !== this.#text) onChange();
  }
}

/** What cannot be read is a change, too: reading it for use says why. */
function readOrNothing(path: string): string | undefined {
  try {
    return readRegularFile(path).toString();
  } catch {
    return undefined;
  }
}
