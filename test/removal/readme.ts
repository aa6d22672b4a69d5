import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../support/build.js';

/** A file that the README tells to write. */
export interface FileToWrite {
  readonly path: string;
  readonly text: string;
}

const README = readFileSync(join(PROJECT, 'README.md'), 'utf8');

/** The shell commands of a section. */
export function commandsOf(title: string): string {
  return [...sectionOf(title).matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands).join('');
}

/** The files of a section's numbered steps: each step names them before its code blocks, in the same order. */
export function filesOf(title: string, folder: string): FileToWrite[] {
  return sectionOf(title)
    .split(/^\d\. /m)
    .slice(1)
    .flatMap((step) => {
      const [prose = '', ...blocks] = step.split(/^ {3}```\w+\n/m);
      const paths = [...prose.matchAll(/`([\w./-]+\.(?:proto|ts))`/g)].map(([, path = '']) => path);
      return blocks.map((block, index) => {
        const name = paths[index] ?? '';
        const [code = ''] = block.split(/^ {3}```$/m);
        return { path: name.includes('/') ? name : join(folder, name), text: code.replaceAll(/^ {3}/gm, '') };
      });
    });
}

function sectionOf(title: string): string {
  const section = README.split(/^## /m).find((text) => text.startsWith(`${title}\n`));
  if (!section) throw new Error(`README.md has no section "${title}"`);
  return section;
}
