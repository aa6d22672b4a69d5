import { cpSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/**
 * Copies what was built to a copy of the project whose `node_modules` is a link, so that the compiler goes on from
 * there. It notes packages by where they really are, as seen from `dist`: unchanged, its notes would have every
 * package new, and with the globals of some of them all files to check once more.
 */
export function copyBuild(from: string, to: string): void {
  const dist = join(to, 'dist');
  cpSync(join(from, 'dist'), dist, { recursive: true });
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.tsbuildinfo'))) {
    const notes = readFileSync(join(dist, name), 'utf8');
    writeFileSync(join(dist, name), notes.replaceAll(packagesSeenBy(from), packagesSeenBy(to)));
  }
}

/** How a path of a package begins in the compiler's notes. */
function packagesSeenBy(root: string): string {
  const path = relative(join(realpathSync(root), 'dist'), realpathSync(join(root, 'node_modules')));
  return `"${path.replaceAll(sep, '/')}/`;
}
