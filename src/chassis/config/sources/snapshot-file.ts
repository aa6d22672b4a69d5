import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../make-folder.js';
import type { Values } from './values.js';

/** What the stores said when the whole configuration was right last. */
export interface Snapshot {
  readonly writtenAt: string;
  /** By the source's name; secrets are as they came, those that are encrypted stay so. */
  readonly sources: Readonly<Record<string, Values>>;
}

/** The last good contents of Consul and etcd, for a start without them. Nobody but the service's user may read it. */
export class SnapshotFile {
  #written = '';

  constructor(readonly path: string) {}

  /** `undefined` when there is none that can be read. */
  read(): Snapshot | undefined {
    try {
      const snapshot = JSON.parse(readFileSync(this.path, 'utf8')) as Snapshot;
      return typeof snapshot.sources === 'object' && snapshot.sources !== null ? snapshot : undefined;
    } catch {
      // None yet, or one that is of no use: the store is what is told to be away.
      return undefined;
    }
  }

  /** Replaces it as a whole, if it would say something else. @throws when the file cannot be written */
  write(sources: Readonly<Record<string, Values>>): void {
    const text = JSON.stringify(sources);
    if (text === this.#written) return;
    const snapshot: Snapshot = { writtenAt: new Date().toISOString(), sources };
    makeFolder(dirname(this.path), 0o700);
    // Workers write it, too, each by a name of its own.
    const temporary = `${this.path}.${process.pid}`;
    try {
      writeDurably(temporary, JSON.stringify(snapshot));
      renameSync(temporary, this.path);
    } finally {
      rmSync(temporary, { force: true });
    }
    this.#written = text;
  }
}

function writeDurably(path: string, text: string): void {
  rmSync(path, { force: true });
  const file = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
