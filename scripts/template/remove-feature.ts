import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readFeature, type Feature } from './feature.ts';
import { removeFromLint } from './lint-ignore.ts';
import { readPackage, uninstall, writePackage } from './package-json.ts';
import { removePassages } from './passages.ts';
import { unregister } from './root-module.ts';
import { requireUnused, unusedPackages } from './uses.ts';
import type { Workshop } from './workshop.ts';

/**
 * Takes the feature out of the copy: its files, its place in the root module, its scripts and packages, its
 * entries in buf.yaml, its passages in the documents. What is made from the code is left to `regenerate`.
 * @throws {TemplateError} when there is no such feature, or other code uses it
 */
export async function removeFeature(copy: Workshop, name: string): Promise<void> {
  const feature = readFeature(copy.root, name);
  await requireUnused(feature, copy);
  const packages = await unusedPackages(feature, copy);
  await removePassages(copy, name);
  unregister(copy.root, name);
  for (const path of feature.paths) rmSync(join(copy.root, path), { recursive: true });
  removeScripts(copy.root, feature);
  removeFromLint(copy.root, feature);
  await uninstall(copy, packages);
}

function removeScripts(root: string, { scripts }: Feature): void {
  if (scripts.length === 0) return;
  const content = readPackage(root);
  const kept = Object.entries(content.scripts).filter(([name]) => !scripts.includes(name));
  writePackage(root, { ...content, scripts: Object.fromEntries(kept) });
}
