import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { ConfigSource } from '../config.js';
import { readText, tooLarge, unreadable } from './read-text.js';
import { parseDocument, parseEntries, type Values } from './values.js';

/** A file or a folder of this machine that keys come from. */
export interface LocalSource {
  readonly name: ConfigSource;
  /** Folder in which a change shows. */
  readonly folder: string;
  /** The one name in the folder that matters. @default all */
  readonly file?: string;
  /** @throws {ConfigError} when it cannot be used */
  read(): Values;
}

/** `config/<profile>.yaml`; a profile that has no file when the service starts says nothing until there is one. */
export function profileSource(directory: string, profile: string, maxBytes: number): LocalSource {
  const name = `config/${profile}.yaml` as const;
  const path = join(directory, name);
  const read = () => parseDocument(name, readText(name, path, maxBytes));
  // An unknown profile has no file either; the schema reports it as a fault of APP_ENV.
  const isName = /^[a-z]+$/.test(profile);
  return {
    name,
    folder: dirname(path),
    file: basename(path),
    read: isName ? onceThere(path, read) : () => ({}),
  };
}

/** `.env`, once there is one; an empty line counts as not set. */
export function dotEnvSource(directory: string, maxBytes: number): LocalSource {
  const path = join(directory, '.env');
  const read = () => dropEmpty(parseEnv(readText('.env', path, maxBytes)));
  return { name: '.env', folder: directory, file: '.env', read: onceThere(path, read) };
}

/** Of a file that may be missing: one that has been there and is gone is missed, like any other. */
function onceThere(path: string, read: () => Values): () => Values {
  let wasThere = false;
  return () => {
    wasThere ||= existsSync(path);
    return wasThere ? read() : {};
  };
}

/** A YAML or JSON file. */
export function fileSource(path: string, maxBytes: number): LocalSource {
  const name = `file:${path}` as const;
  const absolute = resolve(path);
  const read = () => parseDocument(name, readText(name, absolute, maxBytes));
  return { name, folder: dirname(absolute), file: basename(absolute), read };
}

/** A folder with a file for each key. Names that begin with a dot are Kubernetes' own links, or hidden. */
export function directorySource(path: string, maxBytes: number): LocalSource {
  const name = `directory:${path}` as const;
  const folder = resolve(path);
  return {
    name,
    folder,
    read: () => parseEntries(`${name}/`, readFolder(name, folder, maxBytes)),
  };
}

/** What is set in the environment; an empty variable counts as not set. */
export function dropEmpty(values: Readonly<Record<string, string | undefined>>): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value));
}

function readFolder(name: string, folder: string, maxBytes: number): Map<string, string> {
  const entries = new Map<string, string>();
  let bytes = 0;
  for (const file of listFiles(name, folder)) {
    const text = readText(`${name}/${file}`, join(folder, file), maxBytes);
    bytes += Buffer.byteLength(text);
    if (bytes > maxBytes) throw tooLarge(name, bytes, maxBytes);
    entries.set(file, text);
  }
  return entries;
}

function listFiles(name: string, folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((file) => !file.startsWith('.'));
    // Kubernetes' names are links: what they lead to counts.
    return names.filter((file) => statSync(join(folder, file)).isFile());
  } catch (error) {
    throw unreadable(name, error);
  }
}
