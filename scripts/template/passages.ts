import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Workshop } from './workshop.ts';

/**
 * Takes out of the project's Markdown what speaks of this feature alone: everything between the lines
 * `<!-- feature:orders -->` and `<!-- /feature:orders -->`.
 */
export async function removePassages(copy: Workshop, feature: string): Promise<void> {
  const passage = new RegExp(
    `^<!-- feature:${feature} -->\\n[^]*?^<!-- /feature:${feature} -->\\n\\n?`,
    'gm',
  );
  for (const path of await copy.paths('ls-files', '-z', '*.md')) {
    const file = join(copy.root, path);
    // Git still lists what the command has removed.
    if (!existsSync(file)) continue;
    const text = readFileSync(file, 'utf8');
    const rest = text.replace(passage, '');
    if (rest !== text) writeFileSync(file, rest);
  }
}
