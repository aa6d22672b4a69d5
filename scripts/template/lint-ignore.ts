import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Feature } from './feature.ts';

/** Takes out of buf.yaml what `nest generate client` wrote there for contracts of others that go with the feature. */
export function removeFromLint(root: string, { paths }: Pick<Feature, 'paths'>): void {
  const file = join(root, 'buf.yaml');
  if (!existsSync(file)) return;
  const lines = readFileSync(file, 'utf8').split('\n');
  const kept = lines.filter((line) => !paths.some((path) => line.trim() === `- ${path}`));
  writeFileSync(file, kept.join('\n'));
}
