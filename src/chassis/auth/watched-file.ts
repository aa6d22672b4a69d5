import { Logger } from '@nestjs/common';
import { unwatchFile, watchFile } from 'node:fs';
import { YAMLError } from 'yaml';
import type { z } from 'zod';
import { ConfigError, parseYaml, readRegularFile } from '../config/index.js';
import { whyOf } from '../errors/index.js';
import { parseUniqueJson } from './unique-json.js';

export interface WatchedFileOptions<Schema extends z.ZodType> {
  /** Configuration key that names the file. */
  readonly key: string;
  readonly path: string;
  readonly schema: Schema;
  /** Milliseconds between two looks. */
  readonly pollMs: number;
  /** Hears the end of every reading of a changed file. */
  readonly onReloaded: (result: 'success' | 'failure') => void;
}

/**
 * A YAML or JSON file that is read again when it changes, also by the swapped links of a Kubernetes
 * volume. A file that became unreadable or wrong changes nothing: the last good content stays.
 */
export class WatchedFile<Schema extends z.ZodType> {
  readonly #logger = new Logger(WatchedFile.name);
  readonly #follow = (): void => this.#reload();
  #content: z.output<Schema>;
  /** As it was read last; `undefined` when that could not be used. */
  #text: string | undefined;

  /** @throws {ConfigError} when the file cannot be used */
  constructor(private readonly options: WatchedFileOptions<Schema>) {
    this.#text = readText(options.key, options.path);
    this.#content = this.#parse(this.#text);
  }

  /** A new object after each change. */
  get content(): z.output<Schema> {
    return this.#content;
  }

  watch(): void {
    const { path, pollMs } = this.options;
    watchFile(path, { interval: pollMs, persistent: false }, this.#follow);
    // What changed between the start and now.
    this.#reload();
  }

  stop(): void {
    unwatchFile(this.options.path, this.#follow);
  }

  #reload(): void {
    const { key, path, onReloaded } = this.options;
    try {
      const text = readText(key, path);
      if (text === this.#text) return;
      this.#content = this.#parse(text);
      this.#text = text;
      this.#logger.log({ key }, 'file was read again');
      onReloaded('success');
    } catch (error) {
      this.#text = undefined;
      const reason = whyOf(error);
      this.#logger.error({ key, reason }, 'changed file cannot be used; its last good content stays');
      onReloaded('failure');
    }
  }

  #parse(text: string): z.output<Schema> {
    const { key, schema } = this.options;
    const result = schema.safeParse(parse(key, text));
    if (result.success) return result.data;
    const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`The file of ${key} is not valid. ${faults.slice(0, 10).join('; ')}.`);
  }
}

function readText(key: string, path: string): string {
  try {
    return readRegularFile(path).toString();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new ConfigError(`The file of ${key} cannot be read (${code}). Set ${key} to a readable file.`, {
      cause: error,
    });
  }
}

/** JSON is YAML, too, but the parser of YAML takes a hundred times as long: seconds for thousands of entries. */
function parse(key: string, text: string): unknown {
  const json = parseUniqueJson(text);
  if (json) return json;
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YAMLError)) throw error;
    const line = error.linePos?.[0].line ?? '?';
    // Its message shows the line, which may hold what belongs in no log.
    throw new ConfigError(`The file of ${key} is not YAML (line ${line}: ${error.code}). Correct that line.`);
  }
}
