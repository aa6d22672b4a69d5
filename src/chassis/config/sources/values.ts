import { YAMLError } from 'yaml';
import { ConfigError } from '../config-error.js';
import { parseYaml } from '../parse-yaml.js';

/** What a source says, by key, as it says it: nothing is validated or decrypted yet. */
export type Values = Readonly<Record<string, unknown>>;

/** Names of texts that hold several keys. */
const DOCUMENT = /\.(ya?ml|json)$/;

/**
 * The keys of a YAML or JSON text.
 * @throws {ConfigError} naming `source` and the line, never what stands there
 */
export function parseDocument(source: string, text: string): Values {
  if (text.trim() === '') throw new ConfigError(`${source} is empty. Write {} if it is to say nothing.`);
  let values: unknown;
  try {
    values = parseYaml(text) ?? {};
  } catch (error) {
    if (error instanceof YAMLError) {
      const line = error.linePos?.[0].line ?? '?';
      throw new ConfigError(`${source} is not YAML (line ${line}: ${error.code}). Correct that line.`);
    }
    // More aliases than its parser follows: a text that grows as it is read.
    throw new ConfigError(`${source} is not YAML that can be read. Use fewer aliases.`);
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new ConfigError(`${source} must hold "KEY: value" lines, one a key.`);
  return values as Values;
}

/**
 * The keys of many small texts: each is the value of the key that it is named by, or a document of several keys if
 * its name ends with `.yaml`, `.yml` or `.json`; single keys win. An empty value counts as not set, as in the environment.
 * @throws {ConfigError} when a document cannot be read
 */
export function parseEntries(source: string, entries: ReadonlyMap<string, string>): Values {
  const names = [...entries.keys()].toSorted();
  const documents = names
    .filter((name) => DOCUMENT.test(name))
    .flatMap((name) => Object.entries(parseDocument(`${source}${name}`, entries.get(name) ?? '')));
  const single = names
    .filter((name) => !DOCUMENT.test(name))
    .map((name) => [name, (entries.get(name) ?? '').replace(/\r?\n$/, '')] as const)
    .filter(([, value]) => value !== '');
  return Object.fromEntries([...documents, ...single]);
}
