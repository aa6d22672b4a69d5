import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLock, readPackage, writeLock, writePackage, type PackageJson } from './package-json.ts';
import { OWNERS } from './owners.ts';
import { TemplateError } from './template-error.ts';
import type { Workshop } from './workshop.ts';

/** Made from other files, or edited as what they are. */
const NOT_TEXT = /^(package(-lock)?\.json|contracts\/.*|src\/generated\/.*|grafana\/dashboards\/.*\.json)$/;

/** A package's name: `@acme/payments` has the scope `@acme`, and `payments` for everything but npm. */
export interface PackageName {
  readonly scope: string | undefined;
  readonly service: string;
}

export function parsePackageName(name: string): PackageName {
  const [service = '', scope] = name.split('/').toReversed();
  return { scope, service };
}

export function printPackageName({ scope, service }: PackageName): string {
  return scope ? `${scope}/${service}` : service;
}

/**
 * Gives the copy another name: in package.json and its lock file as what they are, elsewhere in every spelling
 * (`my-service`, `my_service`, `MyService` …). What is made from the code is left to `regenerate`.
 */
export async function rename(copy: Workshop, to: PackageName): Promise<void> {
  const from = parsePackageName(readPackage(copy.root).name);
  const spellings = zip(spellingsOf(from.service), spellingsOf(to.service));
  renamePackage(copy.root, printPackageName(to), spellings);
  if (from.service === to.service) return;
  for (const path of await filesThatBear(copy, [...spellings.keys()])) {
    const file = join(copy.root, path);
    writeFileSync(file, replaceWords(readFileSync(file, 'utf8'), spellings));
  }
}

/**
 * A name that is not the template's own may be a word that means something else too, as a feature's.
 * @throws {TemplateError} that names the code which has that word
 */
export async function requireDistinct(copy: Workshop, name: string): Promise<void> {
  const files = await bearersOf(
    copy,
    [name],
    OWNERS.yours.filter((path) => !path.endsWith('.md')),
  );
  if (files.length === 0) return;
  throw new TemplateError(
    `The project is named ${name}, and that is a word of its features too, so that it cannot be told which to rename. ` +
      `Rename by hand ("git grep -w ${name}") or take another word in:\n${files.map((path) => `  ${path}`).join('\n')}`,
  );
}

function renamePackage(root: string, name: string, spellings: ReadonlyMap<string, string>): void {
  const content = readPackage(root);
  const scripts = JSON.parse(
    replaceWords(JSON.stringify(content.scripts), spellings),
  ) as PackageJson['scripts'];
  writePackage(root, { ...content, name, scripts });
  const lock = readLock(root);
  const packages = { ...lock.packages, '': { ...(lock.packages[''] as object), name } };
  writeLock(root, { ...lock, name, packages });
}

async function filesThatBear(copy: Workshop, names: readonly string[]): Promise<string[]> {
  return (await bearersOf(copy, names, ['.'])).filter((path) => !NOT_TEXT.test(path));
}

/** Text files that git has, with one of these in them. */
async function bearersOf(
  copy: Workshop,
  names: readonly string[],
  where: readonly string[],
): Promise<string[]> {
  const patterns = names.flatMap((name) => ['-e', name]);
  const list = ['grep', '-I', '--files-with-matches', '-z', '--fixed-strings'];
  // Git's grep ends with 1 when it finds nothing.
  return copy.paths(...list, ...patterns, '--', ...where).catch(() => []);
}

/** `my-service` as files, proto packages, constants, types, variables and prose spell it. */
function spellingsOf(name: string): string[] {
  const words = name.split('-').filter(Boolean);
  const pascal = words.map(capital).join('');
  const camel = pascal.charAt(0).toLowerCase() + pascal.slice(1);
  const prose = words.map(capital).join(' ');
  return [name, words.join('_'), words.join('_').toUpperCase(), pascal, camel, words.join(' '), prose];
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** The first of two equal spellings counts. */
function zip(keys: readonly string[], values: readonly string[]): Map<string, string> {
  return new Map(keys.map((key, index) => [key, values[index] ?? ''] as const).toReversed());
}

function replaceWords(text: string, spellings: ReadonlyMap<string, string>): string {
  const word = new RegExp(`(?<![A-Za-z0-9])(${[...spellings.keys()].join('|')})(?![A-Za-z0-9])`, 'g');
  return text.replace(word, (found) => spellings.get(found) ?? found);
}
