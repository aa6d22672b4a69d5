import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { protoFolderOf, type Feature } from './feature.ts';
import { TemplateError } from './template-error.ts';
import type { Workshop } from './workshop.ts';

const CODE = /\.[cm]?[jt]s$/;
/** Edited or made anew when a feature goes. */
const NOT_ASKED =
  /^(src\/app\.module\.ts$|src\/generated\/|contracts\/|package(-lock)?\.json$|knip\.json$|.*\.md$)/;

interface File {
  readonly path: string;
  readonly text: string;
}

/** All files of git that are not the feature's and may depend on it. */
async function othersThan(feature: Feature, copy: Workshop): Promise<File[]> {
  const paths = await copy.paths('grep', '-I', '--files-with-matches', '-z', '');
  return paths
    .filter((path) => !NOT_ASKED.test(path) && !feature.paths.some((own) => isWithin(path, own)))
    .map((path) => ({ path, text: readFileSync(join(copy.root, path), 'utf8') }));
}

/** @throws {TemplateError} that names the files which import something of the feature */
export async function requireUnused(feature: Feature, copy: Workshop): Promise<void> {
  const files = (await othersThan(feature, copy)).filter((file) => importsFeature(file, feature.name));
  if (files.length === 0) return;
  const names = files.map(({ path }) => `  ${path}`).join('\n');
  throw new TemplateError(
    `The feature "${feature.name}" is imported by other code. Change that first:\n${names}`,
  );
}

/** Those of the feature's packages that nothing else imports or runs. */
export async function unusedPackages(feature: Feature, copy: Workshop): Promise<string[]> {
  const files = await othersThan(feature, copy);
  return feature.packages.filter((name) => !files.some((file) => usesPackage(file, name)));
}

function importsFeature(file: File, name: string): boolean {
  if (file.path.endsWith('.proto')) return file.text.includes(`import "${protoFolderOf(name)}/`);
  const own = [`src/features/${name}`, `src/generated/${protoFolderOf(name)}`];
  return importsOf(file).some((path) => own.some((folder) => isWithin(path, folder)));
}

/** Code imports a package by its name; settings and scripts call its program. */
function usesPackage(file: File, name: string): boolean {
  if (importsOf(file).some((path) => isWithin(path, name))) return true;
  const program = name.slice(name.lastIndexOf('/') + 1);
  // A plain word, as "uuid", means other things in quotes too.
  const words = [name, program].filter((word) => /[-@]/.test(word));
  return (
    file.text.includes(`.bin/${program}`) ||
    words.some((word) => new RegExp(`['"]${word}['"]`).test(file.text))
  );
}

/** What a file imports, as paths from the project's folder or names of packages. */
function importsOf({ path, text }: File): string[] {
  if (!CODE.test(path)) return [];
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    if (fileName.startsWith('#generated/')) return fileName.replace('#generated', 'src/generated');
    return fileName.startsWith('.') ? normalize(join(dirname(path), fileName)) : fileName;
  });
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
